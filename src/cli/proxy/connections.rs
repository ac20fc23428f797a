//! The faults of the flags that act on connections as a whole.

use super::Args;
use crate::fault::{
    AcceptStall, ConnectionLimit, Corrupt, Direction, Excess, LimitData, LimitTime, Refuse, Slicer,
    SlowClose, TrafficFault,
};

impl Args {
    /// Those that act on new connections.
    pub(super) fn door_faults(&self) -> [Option<TrafficFault>; 3] {
        [
            self.refuse.then_some(TrafficFault::Refuse(Refuse {})),
            self.accept_stall.then_some(TrafficFault::AcceptStall(AcceptStall {})),
            self.connection_limit
                .map(|max| TrafficFault::ConnectionLimit(ConnectionLimit { max, excess: Excess::default() })),
        ]
    }

    /// Those of the flags that act on the bytes of whole connections.
    pub(super) fn connection_faults(&self) -> [Option<TrafficFault>; 5] {
        let direction = Direction::Response;
        [
            self.slow_close.map(|delay| TrafficFault::SlowClose(SlowClose { delay, direction })),
            self.limit_data.map(|bytes| TrafficFault::LimitData(LimitData { bytes, direction })),
            self.limit_time.map(|after| TrafficFault::LimitTime(LimitTime { after })),
            self.slicer.map(|size| {
                let (variation, delay) = Default::default();
                TrafficFault::Slicer(Slicer { size, variation, delay, direction })
            }),
            self.corrupt.map(|bits| TrafficFault::Corrupt(Corrupt { bits, direction })),
        ]
    }
}
