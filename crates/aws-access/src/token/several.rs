//! Passwords of several registries: those that one token opens share its one fetch, the others are fetched at the same time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::{Plan, Waiting};
use context::World;
use diagnostics::Result;
use secret_cache::{Cache, CachedSecret};

/// How many tokens are fetched at the same time, at most: each needs a connection of its own, and AWS counts the calls.
const AT_ONCE: usize = 8;

/// One registry of several.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The way to its password.
    pub plan: &'a Plan,
    /// The host it is asked for under.
    pub name: &'a str,
}

/// The password of each, in their order, from the cache or from AWS.
///
/// # Errors
/// `ECR_AUTH_TIMEOUT` is no number of seconds. What AWS says of one of them stands in its place.
pub fn passwords(asked: &[Asked<'_>], cache: &Cache, world: &mut World<'_>) -> Result<Vec<Result<CachedSecret>>> {
    let keys: Vec<String> = asked.iter().map(|it| it.plan.key().to_string()).collect();
    let mut answers = BTreeMap::new();
    let mut cold = BTreeMap::new();
    let mut others = Vec::new();
    for (it, key) in asked.iter().zip(&keys) {
        if answers.contains_key(key) || cold.contains_key(key) {
            others.push(it);
            continue;
        }
        match it.plan.warm(cache, it.name, world).transpose() {
            Some(answer) => drop(answers.insert(key, answer)),
            None => drop(cold.insert(key, it)),
        }
    }
    let (keys_of_cold, cold): (Vec<_>, Vec<_>) = cold.into_iter().unzip();
    answers.extend(keys_of_cold.into_iter().zip(fetch(&cold, cache, world)?));
    for it in others {
        // What is there by now is known under this name too.
        let _ = cache.warm(it.plan.key(), it.name, world.now());
    }
    Ok(keys.iter().filter_map(|key| answers.get(key).cloned()).collect())
}

/// Fetches those that are not in the cache; the answers are in their order.
fn fetch(cold: &[&Asked<'_>], cache: &Cache, world: &mut World<'_>) -> Result<Vec<Result<CachedSecret>>> {
    if cold.is_empty() {
        return Ok(Vec::new());
    }
    let waiting = Waiting::new(world, Instant::now())?;
    let all = (cold.len() > 1).then(|| world.progress.wait(told(0, cold.len())));
    let (queue, done) = (Mutex::new(cold.iter().enumerate()), Mutex::new(Vec::new()));
    let next = || locked(&queue).next();
    let work = || {
        while let Some((index, it)) = next() {
            let (held, was_asked) = it.plan.fetch_or_share(cache, it.name, &waiting);
            let mut done = locked(&done);
            done.push((index, held, was_asked));
            if let Some(all) = &all {
                all.now(told(done.len(), cold.len()));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..cold.len().min(AT_ONCE) {
            // Where there are no threads to be had, this one does it all.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    drop(all);
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, ..)| *index);
    for (index, _, was_asked) in &done {
        cold[*index].plan.tell(*was_asked, world);
    }
    Ok(done.into_iter().map(|(_, held, _)| held).collect())
}

fn told(done: usize, of: usize) -> String {
    format!("{done} of {of} tokens are there")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
