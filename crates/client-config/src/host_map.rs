//! `credHelpers` and `auths`: members by registry host. Docker merges objects of the same name.

use std::collections::HashMap;

use super::json::{Malformed, Member, Object};
use super::members::{MemberChanges, NULL, ObjectLayout, named};

/// The position of a host: the index of the object, and of the member in it.
type Place = (usize, usize);

/// An object of a configuration whose keys are registry hosts. Go reads all objects of that name into the same map: the last value of a host
/// counts, and `null` drops everything before it.
pub(super) struct HostMap<'a> {
    name: &'static str,
    /// The position for a new object in the configuration, if it is not the end.
    at: Option<usize>,
    /// The objects that count, and their positions in the configuration.
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

    /// Whether there is such an object, even an empty one.
    pub fn is_there(&self) -> bool {
        !self.objects.is_empty()
    }

    /// Returns all members. Of several with one key, the last counts.
    pub fn members(&self) -> impl DoubleEndedIterator<Item = &Member> {
        self.objects.iter().flat_map(|(_, object)| &object.members)
    }

    /// Returns the member that counts for a host.
    pub fn member(&self, host: &str) -> Option<&Member> {
        self.members().rev().find(|member| member.key == host)
    }

    /// Returns the layout of the object that gets new members.
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
    /// The changes of each object, or of the new object if there is none.
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

    /// Returns the member that counts for a host.
    pub fn member(&self, host: &str) -> Option<&'m Member> {
        let (which, index) = self.places.get(host)?.last()?;
        Some(&self.map.objects[*which].1.members[*index])
    }

    /// Changes the host's value: the member that counts, or all members if the host is removed.
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

    /// Adds the changes to those of the configuration. `style` is the layout of its objects, and `emptied` the value of one in which nothing is
    /// left: `None` removes it.
    pub fn finish(self, style: &ObjectLayout, emptied: Option<&str>, top: &mut MemberChanges) {
        let map = self.map;
        for (which, changes) in self
            .changes
            .iter()
            .enumerate()
            .filter(|(_, changes)| !changes.is_empty())
        {
            let object = map.objects.get(which);
            let at = object.map(|(at, _)| *at).or(map.at);
            let value = changes.object(object.map(|(_, object)| object), style, emptied);
            top.put(at, map.name, value);
        }
    }
}
