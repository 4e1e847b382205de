//! A secret is fresh for half its lifetime, then renewed, and never served after its end.

use super::*;

#[test]
fn fetches_once_and_serves_for_half_of_the_life() {
    let scene = Scene::new();
    assert_eq!(scene.warm(), None);
    assert_eq!(scene.get().unwrap(), "password 1");
    assert!(scene.budget.get() > Duration::from_secs(13) && scene.budget.get() < Duration::from_secs(15));
    scene.pass(LIFE / 2 - Duration::from_secs(1));
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.warm().unwrap(), "password 1");
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.warm(), None);
    assert_eq!(scene.get().unwrap(), "password 2");
    assert_eq!(scene.budget.get(), Duration::from_secs(3));
    assert_eq!(scene.warm().unwrap(), "password 2");
    assert_eq!(scene.fetches.get(), 2);
}

#[test]
fn the_source_can_set_the_renewal_time() {
    let scene = Scene::new();
    scene.renew_after.set(Some(LIFE - HOUR));
    scene.get().unwrap();
    scene.pass(LIFE - HOUR - Duration::from_secs(1));
    assert_eq!(scene.warm().unwrap(), "password 1");
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.warm(), None);
    assert_eq!(scene.get().unwrap(), "password 2");
}

#[test]
fn renewing_takes_no_longer_than_the_caller_has() {
    let scene = Scene::with_entry();
    scene.pass(LIFE / 2);
    scene.deadline.set(Instant::now() + Duration::from_secs(2));
    scene.get().unwrap();
    assert!(scene.budget.get() < Duration::from_secs(2));
}

#[test]
fn a_caller_without_time_left_does_not_panic() {
    let scene = Scene::new();
    scene.deadline.set(Instant::now());
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.budget.get(), Duration::ZERO);
}

#[test]
fn keeps_serving_while_renewal_fails_and_retries_once_a_minute() {
    let scene = Scene::with_entry();
    scene.pass(LIFE / 2);
    scene.fail();
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.fetches.get(), 2);
    scene.pass(Duration::from_secs(60));
    assert_eq!(scene.get().unwrap(), "password 1");
    assert_eq!(scene.fetches.get(), 3);
}

#[test]
fn serves_nothing_past_its_end() {
    let scene = Scene::with_entry();
    scene.fail();
    scene.pass(LIFE);
    assert_eq!(scene.get(), Err(denial()));
    assert_eq!(scene.names(), [""; 0]);
}

#[test]
fn serves_nothing_that_ended_while_renewing_failed() {
    let scene = Scene::with_entry();
    scene.pass(LIFE - Duration::from_secs(6));
    scene.fail();
    scene.takes.set(Duration::from_secs(3));
    assert_eq!(scene.get(), Err(denial()));
}
