//! The engine of hooks with a clock that is told, and a model, programs and calls that only count.

mod asker;
mod causes;
mod idle;
mod runs;
mod steps;
mod world;
