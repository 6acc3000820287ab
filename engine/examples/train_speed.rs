//! Temporary.
use paretoscope_engine::train::bench::*;
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() {
    let workers: usize = std::env::args().nth(1).map_or(2, |w| w.parse().unwrap());
    let config = BenchConfig { workers, ..BenchConfig::default() };
    let mut speeds = tokens_per_second(&config).unwrap();
    speeds.sort_by(f64::total_cmp);
    println!("workers {workers}: median {:.0} min {:.0} max {:.0}", speeds[speeds.len() / 2], speeds[0], speeds[speeds.len() - 1]);
}
