//! Options that say where to stand and what to start from.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use paretoscope_engine::bundle::{Bundle, LoadOptions, Manifest, base_of};
use paretoscope_engine::device::Backend;
use paretoscope_engine::hub::Fetched;
use paretoscope_engine::protocol::LoadStage;
use paretoscope_engine::routing::NO_EXPERTS;
use paretoscope_engine::types::{Message, Point, Preference, Prompt, Weights};
use paretoscope_engine::weights::read_json;
use paretoscope_engine::{Error, Result};

use super::fetch::{FetchBar, bring_for, fetcher};
use crate::options::{Global, numbers};

/// A bundle, or a base model alone.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Place {
    /// The bundle's folder
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// A base model alone: its folder, a .gguf file or a hub id, org/name; of a bundle its base
    #[arg(long, value_name = "BASE")]
    base: Option<PathBuf>,
}

impl Place {
    /// What is opened.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        if let Some(base) = &self.base {
            bring_for(base, false)?;
        }
        match (&self.bundle, &self.base) {
            (Some(bundle), _) => Ok(bundle.clone()),
            (None, Some(base)) if Manifest::open(base)?.is_bare() => Ok(base.clone()),
            (None, Some(base)) => base_of(base),
            (None, None) => Err(Error::option("--bundle", "is missing; or give --base")),
        }
    }

    /// Loads it, as [`load`] does.
    pub(crate) fn load(&self, global: &Global, rewards: bool) -> Result<Bundle> {
        load(&self.path()?, global, rewards)
    }
}

/// A bundle and a point of it, or a base model alone.
#[derive(Debug, Args)]
pub(crate) struct BundlePoint {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    point: PointArgs,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct PointArgs {
    /// A point of the simplex, one share per objective, e.g. 0.2,0.3,0.5
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    preference: Option<String>,
    /// Free coefficients, one per value vector, each at least 0
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    weights: Option<String>,
}

impl BundlePoint {
    /// The point, for a bundle that is loaded; a base alone has but one.
    pub(crate) fn point(&self, bundle: &Bundle) -> Result<Point> {
        if let Some(text) = &self.point.preference {
            if bundle.info.experts.is_empty() {
                return Err(Error::option("--preference", NO_EXPERTS));
            }
            let values = numbers("--preference", text)?;
            let preference = Preference::with_len(values, bundle.info.objectives.len());
            return preference
                .map(Point::Preference)
                .map_err(Error::point("--preference"));
        }
        let Some(text) = &self.point.weights else {
            if bundle.info.is_bare() {
                return Ok(Point::Weights(Weights::zero(0)));
            }
            let (objectives, values) = (bundle.info.objectives.len(), bundle.info.values.len());
            let problem = format!(
                "is missing: give one share per objective ({objectives}), or --weights, one per value vector ({values}), \
                 or --base in place of --bundle for the base model alone"
            );
            return Err(Error::option("--preference", problem));
        };
        let values = numbers("--weights", text)?;
        let weights = Weights::with_len(values, bundle.info.values.len());
        weights
            .map(Point::Weights)
            .map_err(Error::point("--weights"))
    }
}

/// What was asked: text, a user's turn, or a conversation; one of the group `asked`.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// Text, encoded with the tokenizer's special tokens
    #[arg(long, value_name = "TEXT", group = "asked", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// A user's turn, through the model's chat template
    #[arg(long, value_name = "TEXT", group = "asked", allow_hyphen_values = true)]
    chat: Option<String>,
    /// A conversation: a JSON list of {"role", "content"}, through the model's chat template
    #[arg(long, value_name = "FILE.json", group = "asked")]
    messages: Option<PathBuf>,
    /// What the model is told before the user's turn
    #[arg(
        long,
        value_name = "TEXT",
        requires = "chat",
        allow_hyphen_values = true
    )]
    system: Option<String>,
}

impl Asked {
    /// `None` where nothing of it was given.
    pub(crate) fn prompt(&self) -> Result<Option<Prompt>> {
        if let Some(path) = &self.messages {
            let turns: Vec<Message> = read_json(path)?;
            if turns.is_empty() {
                return Err(Error::EmptyPrompt);
            }
            return Ok(Some(Prompt::Messages(turns)));
        }
        let chat = |user: &String| Prompt::chat(self.system.clone(), user);
        let text = self.prompt.clone().map(Prompt::Text);
        Ok(text.or_else(|| self.chat.as_ref().map(chat)))
    }
}

/// A prompt: what was asked, or ids.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("asked").required(true).multiple(false))]
pub(crate) struct PromptArgs {
    #[command(flatten)]
    asked: Asked,
    /// Token ids, verbatim, e.g. 1,15,3
    #[arg(long, value_name = "IDS", group = "asked", allow_hyphen_values = true)]
    tokens: Option<String>,
}

impl PromptArgs {
    pub(crate) fn prompt(&self) -> Result<Prompt> {
        if let Some(prompt) = self.asked.prompt()? {
            return Ok(prompt);
        }
        let ids = self.tokens.as_deref().unwrap_or_default();
        token_ids("--tokens", ids).map(Prompt::Tokens)
    }
}

/// A comma-separated list of token ids.
pub(crate) fn token_ids(option: &str, text: &str) -> Result<Vec<u32>> {
    if text.trim().is_empty() {
        return Err(Error::EmptyPrompt);
    }
    text.split(',')
        .enumerate()
        .map(|(i, part)| {
            part.trim().parse().map_err(|_source| {
                Error::option(option, format!("`{part}` (number {} of the list) is not a token id; ids are whole numbers from 0", i + 1))
            })
        })
        .collect()
}

/// Loads a bundle for one command: no effect probe, rewards only where needed, progress to the log.
pub(crate) fn load(folder: &std::path::Path, global: &Global, rewards: bool) -> Result<Bundle> {
    let options = LoadOptions {
        rewards,
        probe: false,
        backend: backend(global)?,
        fetch: Some(fetcher()),
        ..LoadOptions::default()
    };
    load_with(folder, &options)
}

/// Loads a bundle with these options: a bar while models come over the network, the rest to the log.
pub(crate) fn load_with(folder: &std::path::Path, options: &LoadOptions) -> Result<Bundle> {
    let mut bar = None;
    Bundle::load(folder, options, &mut |stage, fraction| {
        if let LoadStage::Fetch { bytes, of } = stage {
            let bar = bar.get_or_insert_with(|| FetchBar::new(&folder.display().to_string()));
            return bar.show(Fetched { bytes, of });
        }
        bar = None;
        tracing::info!(?stage, fraction, "loading");
        Ok(())
    })
}

/// Where to compute: what was asked for by name is to be had, or an error; where `auto` ends on the CPU
/// of a build that knows GPUs, the log says why.
pub(crate) fn backend(global: &Global) -> Result<Backend> {
    let (backend, note) = Backend::find(global.device, global.dtype)?;
    if let Some(note) = note {
        tracing::warn!("computing on the CPU: {note}");
    }
    Ok(if global.exact {
        backend.exact()
    } else {
        backend
    })
}
