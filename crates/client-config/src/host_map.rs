//! `credHelpers` and `auths`: members by registry host, which docker brings together where the name stands more than once.

use std::collections::HashMap;

use super::json::{Malformed, Member, Object};
use super::members::{MemberChanges, NULL, ObjectLayout, named};

/// Where a host stands: which of the objects, and which member of it.
type Place = (usize, usize);

/// An object of a configuration whose keys are registry hosts. Go reads each object of that name into the same map: the last
/// value of a host counts, and `null` forgets what came before it.
pub(super) struct HostMap<'a> {
    name: &'static str,
    /// Where in the configuration a new object would stand, if not at its end.
    at: Option<usize>,
    /// The objects that count, and where in the configuration they stand.
    objects: Vec<(usize, Object<'a>)>,
}

impl<'a> HostMap<'a> {
    pub fn of_name(top: &Object<'a>, name: &'static str) -> Result<Self, Malformed> {
        let mut map = Self {
            name,
            at: None,
            objects: Vec::new(),
        };
        let otherwise = format!("{name} that is not an object");
        for at in named(top, name) {
            let member = &top.members[at];
            map.at = Some(at);
            match top.value(member) {
                NULL => map.objects.clear(),
                _ => map
                    .objects
                    .push((at, Object::at(top.text, member.value_span.clone(), &otherwise)?)),
            }
        }
        Ok(map)
    }

    /// Whether there is such an object, be it empty.
    pub fn is_there(&self) -> bool {
        !self.objects.is_empty()
    }

    /// All members; of several with one key, the last counts.
    pub fn members(&self) -> impl DoubleEndedIterator<Item = &Member> {
        self.objects.iter().flat_map(|(_, object)| &object.members)
    }

    /// The member that counts for a host.
    pub fn member(&self, host: &str) -> Option<&Member> {
        self.members().rev().find(|member| member.key == host)
    }

    /// The layout of the object that new members go into.
    pub fn layout(&self) -> Option<ObjectLayout> {
        self.objects
            .last()
            .and_then(|(_, object)| ObjectLayout::of_object(object))
    }
}

/// Changes to the members of a [`HostMap`].
pub(super) struct HostChanges<'m, 'a> {
    map: &'m HostMap<'a>,
    places: HashMap<&'m str, Vec<Place>>,
    /// One for each object; where there is none, one for the new object.
    changes: Vec<MemberChanges>,
}

impl<'m, 'a> HostChanges<'m, 'a> {
    pub fn to(map: &'m HostMap<'a>) -> Self {
        let mut places: HashMap<&str, Vec<Place>> = HashMap::new();
        for (which, (_, object)) in map.objects.iter().enumerate() {
            for (index, member) in object.members.iter().enumerate() {
                places.entry(&member.key).or_default().push((which, index));
            }
        }
        let count = map.objects.len().max(1);
        let changes = std::iter::repeat_with(MemberChanges::default).take(count).collect();
        Self { map, places, changes }
    }

    /// The member that counts for a host.
    pub fn member(&self, host: &str) -> Option<&'m Member> {
        let (which, index) = self.places.get(host)?.last()?;
        Some(&self.map.objects[*which].1.members[*index])
    }

    /// Changes the host's value: the one that counts, or all of them where it goes.
    pub fn put(&mut self, host: &str, value: Option<String>) {
        let places = self.places.get(host).map(Vec::as_slice).unwrap_or_default();
        match (value, places.last()) {
            (Some(value), Some((which, index))) => self.changes[*which].put(Some(*index), host, Some(value)),
            (Some(value), None) => {
                let last = self.changes.len() - 1;
                self.changes[last].put(None, host, Some(value));
            }
            (None, _) => {
                for (which, index) in places {
                    self.changes[*which].put(Some(*index), host, None);
                }
            }
        }
    }

    /// Adds the changes to those of the configuration, of which `style` is the layout of objects.
    pub fn finish(self, style: &ObjectLayout, drop_empty: bool, top: &mut MemberChanges) {
        let map = self.map;
        for (which, changes) in self
            .changes
            .iter()
            .enumerate()
            .filter(|(_, changes)| !changes.is_empty())
        {
            let object = map.objects.get(which);
            let at = object.map(|(at, _)| *at).or(map.at);
            let value = changes.object(object.map(|(_, object)| object), style, drop_empty);
            top.put(at, map.name, value);
        }
    }
}
