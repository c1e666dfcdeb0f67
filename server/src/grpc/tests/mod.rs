//! The transport over real sockets, with a small service behind it; and streams on a paused clock.

mod calls;
mod fixture;
mod follow;
mod gate;
mod hostile;
mod listeners;
mod streams;
