//! The upstream connections of one client connection, beside its lane's, as long as each of them lasts.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::wire::Wire;

/// Those that are there. Nobody need say when one has gone.
#[derive(Debug, Default)]
pub(super) struct Wires(RefCell<Vec<Weak<Wire>>>);

impl Wires {
    /// One more is to be made.
    pub(super) fn add(&self, wire: &Rc<Wire>) {
        let mut wires = self.0.borrow_mut();
        wires.retain(|wire| wire.strong_count() > 0);
        wires.push(Rc::downgrade(wire));
    }

    /// Bytes read and written on those that are there.
    pub(super) fn moved(&self) -> u64 {
        self.0.borrow().iter().filter_map(Weak::upgrade).map(|wire| wire.moved()).sum()
    }

    /// All of them end in a reset.
    pub(super) fn reset_on_close(&self) {
        self.0.borrow().iter().filter_map(Weak::upgrade).for_each(|wire| wire.reset_on_close());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_have_gone_take_no_room() {
        let wires = Wires::default();
        let stays = Rc::new(Wire::of_upstream());
        wires.add(&stays);
        for _ in 0..100 {
            wires.add(&Rc::new(Wire::of_upstream()));
        }
        assert!(wires.0.borrow().len() <= 2);
        stays.read(7);
        assert_eq!(wires.moved(), 7);
        wires.reset_on_close();
        assert!(stays.resets_on_close());
    }
}
