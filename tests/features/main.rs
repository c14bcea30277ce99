//! What the units of the modules do at run time.

mod units;
