//! `bench forge`: task-SVD against the known optimum, and merging beside a plain read of the same bytes.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use paretoscope_engine::forge::merge::{MergeSettings, Merger, Method, Scratch, write_vectors};
use paretoscope_engine::forge::{DeltaSource, Matrix, RangeFinder, randomised};
use paretoscope_engine::output::write_atomically;
use paretoscope_engine::{Error, Result};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde_json::json;

use super::measure::{peak_memory, spread, threads};
use crate::options::{Global, numbers};
use crate::print::json_line;

/// Reflections on either side that turn a diagonal matrix into a full one.
const REFLECTIONS: usize = 3;

/// Options of `bench forge`.
#[derive(Debug, clap::Args)]
pub(crate) struct Forge {
    /// What to measure
    #[arg(long, value_enum, default_value_t = Part::All)]
    part: Part,
    /// Modules to decompose, ROWSxCOLS
    #[arg(long, value_name = "SHAPES", default_value = "4096x4096,4096x11008")]
    shapes: String,
    /// Ranks
    #[arg(long, value_name = "RANKS", default_value = "64,128")]
    ranks: String,
    /// Singular value i (from 1) is i to minus this
    #[arg(long, default_value_t = 0.5)]
    decay: f64,
    /// Runs that count
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Write the matrices here, as ROWSxCOLS.safetensors, for `tests/peers/svd.py`
    #[arg(long, value_name = "DIR")]
    dump: Option<PathBuf>,
    /// Sources to merge
    #[arg(long, default_value_t = 3)]
    sources: usize,
    /// Tensors of each source
    #[arg(long, default_value_t = 4)]
    tensors: usize,
    /// Side of each tensor
    #[arg(long, default_value_t = 4096)]
    side: usize,
    /// Folder for the sources while merging is measured (default: the system's temporary folder)
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Both
    All,
    /// Task-SVD
    Svd,
    /// Merging
    Merge,
}

pub(crate) fn run(args: &Forge, global: &Global) -> Result<()> {
    if args.runs == 0 || args.sources == 0 || args.tensors == 0 || args.side == 0 {
        return Err(Error::option(
            "bench forge",
            "needs --runs, --sources, --tensors and --side of at least 1",
        ));
    }
    if args.part != Part::Merge {
        for (rows, cols) in shapes(&args.shapes)? {
            svd(args, global, rows, cols)?;
        }
    }
    if args.part != Part::Svd {
        merging(args, global)?;
    }
    Ok(())
}

fn shapes(text: &str) -> Result<Vec<(usize, usize)>> {
    text.split(',')
        .map(|shape| {
            let sides = shape.split_once('x');
            let parse = |side: &str| side.trim().parse().ok().filter(|&side: &usize| side > 0);
            sides
                .and_then(|(rows, cols)| Some((parse(rows)?, parse(cols)?)))
                .ok_or_else(|| {
                    let problem = format!("`{shape}` is not ROWSxCOLS, e.g. 4096x11008");
                    Error::option("--shapes", problem)
                })
        })
        .collect()
}

fn svd(args: &Forge, global: &Global, rows: usize, cols: usize) -> Result<()> {
    let (matrix, spectrum) = decaying(rows, cols, args.decay, global.seed);
    if let Some(folder) = &args.dump {
        dump(&matrix, &folder.join(format!("{rows}x{cols}.safetensors")))?;
    }
    for rank in numbers("--ranks", &args.ranks)? {
        let rank = rank as usize;
        if rank == 0 || rank > rows.min(cols) {
            let problem = format!("{rank} does not fit {rows}x{cols}");
            return Err(Error::option("--ranks", problem));
        }
        let finder = RangeFinder {
            seed: global.seed,
            ..RangeFinder::default()
        };
        let (mut seconds, mut energy) = (Vec::new(), 0.0);
        for _ in 0..args.runs {
            let start = Instant::now();
            energy = randomised(&matrix, rank, &finder, 0)?.energy();
            seconds.push(start.elapsed().as_secs_f64());
        }
        let squares = |values: &[f64]| values.iter().map(|s| s * s).sum::<f64>();
        let (best, all) = (squares(&spectrum[..rank]), squares(&spectrum));
        json_line(&json!({
            "bench": "forge-svd",
            "program": "paretoscope",
            "shape": [rows, cols],
            "rank": rank,
            "decay": args.decay,
            "seconds": spread(seconds.into_iter()),
            "energy_kept": energy / all,
            "energy_optimum": best / all,
            "energy_of_optimum": energy / best,
            "peak_memory_bytes": peak_memory(),
            "matrix_bytes": 4 * rows * cols,
            "threads": threads(),
            "dtype": "f32",
            "device": "cpu",
        }))?;
    }
    Ok(())
}

/// A full matrix with known singular values: a diagonal one between reflections. A Gaussian range finder
/// cannot tell it from any other with that spectrum.
fn decaying(rows: usize, cols: usize, decay: f64, seed: u64) -> (Matrix, Vec<f64>) {
    let smaller = rows.min(cols);
    let spectrum: Vec<f64> = (1..=smaller).map(|i| (i as f64).powf(-decay)).collect();
    let mut matrix = Matrix::zeros(rows, cols);
    let values = matrix.values_mut();
    for (i, s) in spectrum.iter().enumerate() {
        values[i * cols + i] = *s as f32;
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut unit = |length: usize| -> Vec<f32> {
        let values: Vec<f64> = (0..length)
            .map(|_| random.random_range(-1.0..1.0))
            .collect();
        let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt();
        values.iter().map(|v| (v / norm) as f32).collect()
    };
    for _ in 0..REFLECTIONS {
        let (left, right) = (unit(rows), unit(cols));
        let mut along = vec![0.0f32; cols];
        for (row, left) in values.chunks_exact(cols).zip(&left) {
            for (along, value) in along.iter_mut().zip(row) {
                *along += left * value;
            }
        }
        values
            .par_chunks_exact_mut(cols)
            .zip(&left)
            .for_each(|(row, left)| {
                for (value, along) in row.iter_mut().zip(&along) {
                    *value -= 2.0 * left * along;
                }
                let across: f32 = row.iter().zip(&right).map(|(v, r)| v * r).sum();
                for (value, right) in row.iter_mut().zip(&right) {
                    *value -= 2.0 * across * right;
                }
            });
    }
    (matrix, spectrum)
}

fn dump(matrix: &Matrix, path: &Path) -> Result<()> {
    write_file(
        path,
        &[("matrix".to_owned(), matrix.rows(), matrix.cols())],
        &mut |_| matrix.values().to_vec(),
    )
}

/// A safetensors file, tensor by tensor.
fn write_file(
    path: &Path,
    tensors: &[(String, usize, usize)],
    values: &mut dyn FnMut(usize) -> Vec<f32>,
) -> Result<()> {
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, rows, cols) in tensors {
        let start = end;
        end += 4 * rows * cols;
        let entry = json!({ "dtype": "F32", "shape": [rows, cols], "data_offsets": [start, end] });
        header.insert(name.clone(), entry);
    }
    let mut header = serde_json::Value::from(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    write_atomically(path, |file| {
        let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(Error::io("write", path));
        write(&(header.len() as u64).to_le_bytes())?;
        write(&header)?;
        for index in 0..tensors.len() {
            let bytes: Vec<u8> = values(index).iter().flat_map(|v| v.to_le_bytes()).collect();
            write(&bytes)?;
        }
        Ok(())
    })
}

fn merging(args: &Forge, global: &Global) -> Result<()> {
    let folder = match &args.work {
        Some(work) => tempfile::tempdir_in(work).map_err(Error::io("write", work))?,
        None => {
            tempfile::tempdir().map_err(Error::io("create", Path::new("a temporary folder")))?
        }
    };
    let names: Vec<(String, usize, usize)> = (0..args.tensors)
        .map(|i| {
            let name = format!("model.layers.{i}.mlp.up_proj.weight");
            (name, args.side, args.side)
        })
        .collect();
    let mut paths = Vec::new();
    for source in 0..args.sources {
        let path = folder.path().join(format!("{source}.safetensors"));
        write_file(&path, &names, &mut |tensor| {
            random(
                args.side * args.side,
                global.seed,
                (source * args.tensors + tensor) as u64,
            )
        })?;
        paths.push(path);
    }
    let bytes = (4 * args.side * args.side * args.tensors * args.sources) as f64;
    plain_read(&paths)?; // so that all runs find the files where the system keeps them
    let mut read = Vec::new();
    for _ in 0..args.runs {
        let start = Instant::now();
        plain_read(&paths)?;
        read.push(bytes / start.elapsed().as_secs_f64() / 1e9);
    }
    let read = spread(read.into_iter());
    let sources: Vec<DeltaSource> = paths
        .iter()
        .map(|path| DeltaSource::open(path, None))
        .collect::<Result<_>>()?;
    let share = 1.0 / args.sources as f64;
    for (name, method) in [
        ("linear", Method::Linear),
        ("ties", Method::Ties),
        ("dare_linear", Method::DareLinear),
        ("dare_ties", Method::DareTies),
        ("pcb", Method::Pcb),
        ("fourier", Method::Fourier),
    ] {
        let settings = MergeSettings::new(method, vec![share; args.sources]);
        let out = folder.path().join("merged.safetensors");
        let (mut merged, mut written) = (Vec::new(), Vec::new());
        for _ in 0..args.runs {
            let start = Instant::now();
            let merger = Merger::new(&sources, &settings, &mut |_| Ok(()))?;
            let mut scratch = Scratch::default();
            for tensor in 0..args.tensors {
                std::hint::black_box(merger.tensor(tensor, &mut scratch)?);
            }
            merged.push(bytes / start.elapsed().as_secs_f64() / 1e9);
            let start = Instant::now();
            let merger = Merger::new(&sources, &settings, &mut |_| Ok(()))?;
            write_vectors(&merger, &out, &mut |_| Ok(()))?;
            written.push(bytes / start.elapsed().as_secs_f64() / 1e9);
        }
        json_line(&json!({
            "bench": "forge-merge",
            "method": name,
            "sources": args.sources,
            "tensors": args.tensors,
            "side": args.side,
            "input_bytes": bytes,
            "gigabytes_per_second": spread(merged.into_iter()),
            "with_writing_gigabytes_per_second": spread(written.into_iter()),
            "plain_read_gigabytes_per_second": read,
            "peak_memory_bytes": peak_memory(),
            "threads": threads(),
            "dtype": "f32",
            "device": "cpu",
        }))?;
    }
    Ok(())
}

/// Numbers around 0 of the size of a task vector's.
fn random(count: usize, seed: u64, stream: u64) -> Vec<f32> {
    const PIECE: usize = 1 << 16;
    let mut values = vec![0.0; count];
    values
        .par_chunks_mut(PIECE)
        .enumerate()
        .for_each(|(index, piece)| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(stream << 32 | index as u64);
            for value in piece {
                let sum: f32 = (0..3).map(|_| random.random_range(-1.0f32..1.0)).sum();
                *value = 0.001 * sum;
            }
        });
    values
}

fn plain_read(paths: &[PathBuf]) -> Result<()> {
    paths.par_iter().try_for_each(|path| {
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        let mut buffer = vec![0; 1 << 20];
        while file.read(&mut buffer).map_err(Error::io("read", path))? > 0 {
            std::hint::black_box(&buffer);
        }
        Ok(())
    })
}
