//! The readers, each as a function of the bytes of one file; each says whether it read all of it, or refused something.

use std::io::{Cursor, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use paretoscope_core::pareto::{Archive, front, hypervolume};
use paretoscope_core::points;
use paretoscope_core::protocol::SweepGrid;
use paretoscope_core::stats::{Draws, read_votes, summarise};
use paretoscope_core::types::{Message, Point, Prompt};
use paretoscope_engine::bundle::{Manifest, read_prompts};
use paretoscope_engine::model::LlamaConfig;
use paretoscope_engine::recipe::Recipe;
use paretoscope_engine::runtime::read_job;
use paretoscope_engine::study::{Filter, Study};
use paretoscope_engine::text::{ChatTemplate, Tokenizer};
use paretoscope_engine::train::data::{read_examples, read_pairs};
use paretoscope_engine::weights::gguf::Gguf;
use paretoscope_engine::weights::{Checkpoint, Digest, Dora, LoraFolder, RouterExpert};
use zip::write::SimpleFileOptions;

/// Tensors of an input that are read whole; the rest is looked at by shape.
const MOST_VALUES: usize = 1 << 20;

/// A folder with one file, for a reader that wants a path.
fn with_file(name: &str, data: &[u8], read: impl FnOnce(&Path, &Path) -> bool) -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    std::fs::write(&path, data).expect("a writable folder");
    read(folder.path(), &path)
}

/// `bundle.json`.
pub fn bundle(data: &[u8]) -> bool {
    with_file("bundle.json", data, |folder, _| {
        let Ok(manifest) = Manifest::load(folder) else {
            return false;
        };
        let names = manifest.objective_names();
        assert_eq!(names.len(), manifest.objective_count());
        let has_experts = manifest.experts(folder).is_ok();
        // What was read can be written and is the same again.
        manifest.save(folder).expect("a manifest that was read");
        let again = Manifest::load(folder).expect("a manifest that was written");
        assert_eq!(again.objective_names(), names);
        has_experts
    })
}

/// `prompts.jsonl`.
pub fn prompts(data: &[u8]) -> bool {
    with_file("prompts.jsonl", data, |_, path| {
        let read = read_prompts(path);
        if let Ok(prompts) = &read {
            assert!(!prompts.is_empty());
        }
        read.is_ok()
    })
}

/// `adapter_config.json`, beside the weights of a LoRA adapter.
pub fn adapter(data: &[u8]) -> bool {
    let weights = crate::seeds::adapter_weights();
    with_file("adapter_config.json", data, |folder, _| {
        std::fs::write(folder.join("adapter_model.safetensors"), &weights)
            .expect("a writable folder");
        let opened = [Dora::Refuse, Dora::Accept].map(|dora| {
            let files = LoraFolder::open(folder, dora);
            if let Ok(files) = &files {
                assert!(!files.modules.is_empty());
            }
            files.is_ok()
        });
        opened == [true; 2]
    })
}

/// `model.safetensors`: the header first, then what it points at.
pub fn safetensors(data: &[u8]) -> bool {
    with_file("model.safetensors", data, |folder, _| {
        Checkpoint::open_folder(folder).is_ok_and(|checkpoint| read_all(&checkpoint))
    })
}

/// `pytorch_model.bin`, the whole archive.
pub fn archive(data: &[u8]) -> bool {
    with_file("pytorch_model.bin", data, |folder, _| {
        Checkpoint::open_folder(folder).is_ok_and(|checkpoint| read_all(&checkpoint))
    })
}

/// The pickle within `pytorch_model.bin`, in a sound archive of so many storages as no seed needs.
pub fn pickle(data: &[u8]) -> bool {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut add = |name: &str, bytes: &[u8]| {
        zip.start_file(name, stored).expect("an entry");
        zip.write_all(bytes).expect("memory");
    };
    add("archive/data.pkl", data);
    for storage in 0..64 {
        add(&format!("archive/data/{storage}"), &[0x3c; 16 << 10]);
    }
    let bytes = zip.finish().expect("an archive").into_inner();
    archive(&bytes)
}

/// Whether anything could be read: whole numbers, e.g. a count beside the weights, are rightly refused as weights.
fn read_all(checkpoint: &Checkpoint) -> bool {
    let mut any = false;
    for name in checkpoint.names() {
        let shape = checkpoint.shape(name).expect("a tensor by its name");
        let elements = shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
        if elements.is_some_and(|n| n <= MOST_VALUES)
            && let Ok(values) = checkpoint.values(name)
        {
            assert_eq!(Some(values.len()), elements, "{name}");
            any = true;
        }
    }
    any
}

/// `config.json` of a base model.
pub fn config(data: &[u8]) -> bool {
    with_file("config.json", data, |folder, _| {
        let config = LlamaConfig::load(folder);
        if let Ok(config) = &config {
            assert!(config.vocabulary > 0 && config.context > 0 && config.layers > 0);
        }
        config.is_ok()
    })
}

/// Training data: lines of examples, or of pairs.
pub fn data(data: &[u8]) -> bool {
    with_file("data.jsonl", data, |_, path| {
        let examples = read_examples(path).is_ok_and(|lines| lines.errors.is_empty());
        let pairs = read_pairs(path).is_ok_and(|lines| lines.errors.is_empty());
        examples || pairs
    })
}

/// `run.json`, what a training run was asked for.
pub fn job(data: &[u8]) -> bool {
    with_file("run.json", data, |_, path| {
        let Ok((job, _)) = read_job(path) else {
            return false;
        };
        // Numbers that make no sense are refused when it is run, in words.
        let _in_words = job.task.run().check();
        let written = serde_json::to_vec(&job).expect("a job that was read");
        std::fs::write(path, written).expect("a writable folder");
        read_job(path).is_ok_and(|(again, _)| again == job)
    })
}

/// A router: `router_config.json` beside sound weights, or `router.safetensors` beside a sound configuration.
pub fn router(data: &[u8]) -> bool {
    let [config, weights] = crate::seeds::router_files();
    let (config, weights) = if data.first() == Some(&b'{') {
        (data, &weights[..])
    } else {
        (&config[..], data)
    };
    let linears = [(crate::seeds::ROUTED.to_owned(), [6, 4])];
    let experts = ["helpful", "harmless"].map(str::to_owned);
    with_file("router_config.json", config, |folder, _| {
        std::fs::write(folder.join("router.safetensors"), weights).expect("a writable folder");
        let router = RouterExpert::load(folder, &linears, &experts);
        if let Ok(router) = &router {
            assert!(!router.outputs.is_empty() && router.outputs.iter().all(|index| *index < 2));
        }
        router.is_ok()
    })
}

/// `tokenizer.json`: read, then given a text whose ids are put together again.
pub fn tokenizer(data: &[u8]) -> bool {
    with_file("tokenizer.json", data, |folder, _| {
        let Ok(tokenizer) = Tokenizer::load(folder) else {
            return false;
        };
        let prompt = Prompt::Text("ab \u{fc}\u{1f600} <s>bab".to_owned());
        let given = tokenizer.given(&prompt);
        let ids = tokenizer.encode_prompt(&prompt).unwrap_or_default();
        let mut answer = tokenizer.answer(&[]);
        for id in ids {
            answer.push(id);
        }
        answer.finish();
        given.is_ok()
    })
}

/// A chat template, rendered for a conversation.
pub fn template(data: &[u8]) -> bool {
    let Ok(source) = std::str::from_utf8(data) else {
        return false;
    };
    let special = [("bos_token", "<s>"), ("eos_token", "</s>")]
        .map(|(name, token)| (name.to_owned(), token.into()));
    let template = ChatTemplate::new(
        "template".into(),
        source.to_owned(),
        special.into_iter().collect(),
    );
    let turns = [
        Message::system("Be brief."),
        Message::user("Hi"),
        Message::assistant("Hello"),
        Message::user("ünïcödé 😀 {{ x }}"),
    ];
    let rendered = template.render(&turns, true, Some(0)).is_ok();
    assert!(!rendered || template.problem().is_none());
    rendered
}

/// Votes: a file of them, and what they say.
pub fn votes(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let Ok(votes) = read_votes(text) else {
        return false;
    };
    let few = Draws { draws: 3, seed: 0 };
    let summed_up = summarise(&votes, few, &mut |_| ControlFlow::Continue(()));
    for summary in summed_up.iter().flatten() {
        assert!(summary.n > 0 && summary.bad <= summary.ties);
        if let Some(found) = &summary.davidson {
            assert!(found.theta.values().all(|theta| theta.is_finite()) && found.nu.is_finite());
        }
    }
    summed_up.is_ok()
}

/// Points: a grid or a set in words, a list in lines, a grid or points in JSON, rows of scores.
pub fn points(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let mut read = false;
    let grids = [
        points::parse_grid(text).ok(),
        points::parse_set(text).ok().flatten().map(SweepGrid::Set),
        serde_json::from_str::<SweepGrid>(text).ok(),
        points::read_points(text).ok().map(|list| SweepGrid::List {
            points: list.points,
        }),
    ];
    for grid in grids.into_iter().flatten() {
        if let Ok(points) = points::points(&grid, 3, 3, 2, true) {
            assert!(points.len() * 2 <= points::MAX_ROWS);
            points.iter().for_each(check_point);
            read = true;
        }
    }
    if let Ok(points) = serde_json::from_str::<Vec<Point>>(text) {
        points.iter().for_each(check_point);
        read = true;
    }
    if let Ok(rows) = serde_json::from_str::<Vec<Vec<f64>>>(text) {
        let rows: Vec<_> = rows.into_iter().take(200).collect();
        let width = rows.first().map_or(0, Vec::len);
        let on_front = front(&rows);
        let mut archive = Archive::new(width);
        for row in &rows {
            archive.insert(row);
        }
        assert!(on_front.iter().all(|i| *i < rows.len()));
        assert!(hypervolume(&rows, &vec![0.0; width.min(6)]) >= 0.0);
        read = true;
    }
    read
}

fn check_point(point: &Point) {
    let numbers = point.as_slice();
    assert!(numbers.iter().all(|v| v.is_finite() && *v >= 0.0));
    if let Point::Preference(_) = point {
        let sum: f64 = numbers.iter().sum();
        assert!((sum - 1.0).abs() < 1e-9, "{numbers:?}");
    }
}

/// A base in one GGUF file: its shape, tokenizer and small tensors.
pub fn gguf(data: &[u8]) -> bool {
    with_file("base.gguf", data, |_, path| {
        let Ok(file) = Gguf::open(path) else {
            return false;
        };
        let config = LlamaConfig::of_gguf(&file);
        let tokenizer = Tokenizer::load(path);
        let Ok(checkpoint) = Checkpoint::of_gguf(&file) else {
            return false;
        };
        let mut read = config.is_ok() && tokenizer.is_ok();
        for name in checkpoint.names() {
            let shape = checkpoint.shape(name).unwrap_or_default().to_vec();
            if shape.iter().product::<usize>() <= MOST_VALUES {
                read &= checkpoint
                    .read(name, &shape, &mut Digest::default())
                    .is_ok();
            }
        }
        read
    })
}

/// A recipe.
pub fn recipe(data: &[u8]) -> bool {
    with_file("recipe.toml", data, |_, path| Recipe::load(path).is_ok())
}

/// A study, or a store of rows that becomes one.
pub fn study(data: &[u8]) -> bool {
    with_file("mine.study", data, |_, path| {
        let Ok(study) = Study::open(path) else {
            return false;
        };
        let sweeps = study.sweeps();
        let mut all = sweeps.is_ok() && study.history(&Filter::default()).is_ok();
        for sweep in sweeps.unwrap_or_default().iter().take(4) {
            all &= study.sweep_scores(sweep.id, None).is_ok();
        }
        study.each_answer(|_answer| Ok(())).is_ok() && all
    })
}
