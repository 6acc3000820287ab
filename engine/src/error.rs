//! Everything that can go wrong, with the numbers that a person needs to mend it.

use std::path::{Path, PathBuf};

use paretoscope_core::Problem;
use paretoscope_core::output::OutputError;
use paretoscope_core::protocol::{Trouble, TroubleKind};
use paretoscope_core::types::PointError;

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The engine's errors. [`Error::is_input`] tells the user's fault from ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be read or written.
    #[error("{path}: cannot {action}: {source}", path = path.display())]
    Io {
        /// What was tried, e.g. `read`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file is not what its format asks for.
    #[error("{path}: {problem}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        problem: Problem,
    },
    /// A line of a JSON Lines file is wrong.
    #[error("{path}, line {line}: {problem}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From one.
        line: usize,
        /// What is wrong and what would be right.
        problem: Problem,
    },
    /// A field of a JSON file is wrong.
    #[error("{path}: field `{field}`: {problem}", path = path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field, e.g. `experts[2].preference`.
        field: String,
        /// What is wrong and what would be right.
        problem: Problem,
    },
    /// A tensor is absent.
    #[error("{path}: tensor `{tensor}` is missing", path = path.display())]
    MissingTensor {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor has the wrong shape.
    #[error("{path}: tensor `{tensor}` has shape {got:?}, expected {expected:?}", path = path.display())]
    Shape {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// What the model needs.
        expected: Vec<usize>,
        /// What the file holds.
        got: Vec<usize>,
    },
    /// A tensor holds NaN or infinity.
    #[error("{path}: tensor `{tensor}` holds {count} values that are NaN or infinite; every weight must be finite", path = path.display())]
    NotFinite {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// How many.
        count: usize,
    },
    /// An adapter is of a kind that cannot be mixed by adding.
    #[error("{path}: {problem}", path = path.display())]
    Adapter {
        /// The adapter's folder.
        path: PathBuf,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A list of numbers is not a point.
    #[error("{name}: {source}")]
    Point {
        /// The option or field.
        name: String,
        /// Why.
        source: PointError,
    },
    /// An option or argument is wrong.
    #[error("{name}: {problem}")]
    Option {
        /// The option or argument.
        name: String,
        /// What is wrong and what would be right.
        problem: Problem,
    },
    /// A token id does not exist.
    #[error("token {} of the input is {id}; this model's vocabulary has {vocabulary} tokens (ids 0 to {})", position + 1, vocabulary - 1)]
    TokenOutOfRange {
        /// Place in the input, from zero.
        position: usize,
        /// The id.
        id: u32,
        /// Size of the vocabulary (at least 1).
        vocabulary: usize,
    },
    /// A prompt has no tokens.
    #[error("the prompt is empty; it needs at least one token")]
    EmptyPrompt,
    /// A prompt does not fit.
    #[error("the prompt has {tokens} tokens, {} more than the context of {context} leaves room for; shorten it", tokens + 1 - context)]
    PromptTooLong {
        /// Its tokens (at least `context`).
        tokens: usize,
        /// The model's context.
        context: usize,
    },
    /// A model gave logits that are no numbers.
    #[error(
        "the model's logits for token {token} of the answer are not finite: the experts' sum leaves the range of the weights' type; use smaller weights, or check the adapters"
    )]
    LogitsNotFinite {
        /// Which token of the answer, from one.
        token: usize,
    },
    /// Text is needed but there is no tokenizer.
    #[error("{path}: no tokenizer.json, so text cannot be read or written; give token ids, or add the tokenizer", path = path.display())]
    NoTokenizer {
        /// The model's folder.
        path: PathBuf,
    },
    /// A store cannot be used.
    #[error("{path}: {problem}", path = path.display())]
    Store {
        /// The SQLite file.
        path: PathBuf,
        /// What is wrong and what would be right.
        problem: String,
        /// Whether the file is at fault (else the disk or the program).
        input: bool,
    },
    /// Training left the range where it can go on.
    #[error("{0}")]
    Diverged(Box<Divergence>),
    /// A decomposition did not converge.
    #[error("the singular values of a matrix of {rows} x {cols} did not converge")]
    Svd {
        /// Its rows.
        rows: usize,
        /// Its columns.
        cols: usize,
    },
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The system gives no thread.
    #[error("cannot start the thread `{name}`: {source}")]
    Thread {
        /// What it is for.
        name: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A service on this machine or another one failed.
    #[error("{0}")]
    Endpoint(String),
    /// The engine's thread is gone.
    #[error("the engine has stopped")]
    EngineGone,
    /// The device asked for is not to be had.
    #[error("device {device}: {problem}")]
    Device {
        /// As asked for.
        device: String,
        /// Why not, and what would help.
        problem: String,
    },
    /// A device's memory is full.
    #[error(
        "{device}: its memory is full; run fewer rows together (--slots), hold weights in 16 bits (--dtype bf16), or use --device cpu ({source})"
    )]
    DeviceMemory {
        /// In words.
        device: String,
        /// What the device said.
        source: candle_core::Error,
    },
    /// What is to be loaded does not fit into what is free.
    #[error("{path}: {words}; nothing was loaded", path = path.display())]
    Memory {
        /// What was to be loaded.
        path: PathBuf,
        /// What it needs, what is free, and what would help.
        words: String,
    },
    /// A library panicked on what it was given: a fault of the program, which goes on.
    #[error("{what} panicked, which is a fault of the program or of a library: {message}")]
    Panicked {
        /// What was under way.
        what: String,
        /// What the panic said.
        message: String,
    },
    /// Something that cannot be unless the program is wrong.
    #[error("a fault of the program: {what}")]
    Internal {
        /// What was found, and what should have been.
        what: String,
    },
    /// The tensor library refused an operation: a bug of ours, unless memory ran out.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// Where and how training left the range where it can go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {became} at step {step}{batch}{hint}")]
pub struct Divergence {
    /// The quantity.
    pub what: String,
    /// What happened to it, e.g. `became NaN`.
    pub became: String,
    /// When.
    pub step: usize,
    /// The examples of that step, places in the data as given, from zero.
    pub examples: Vec<usize>,
    /// The batch in words; begins with `, ` or is empty.
    pub batch: String,
    /// What is still good, and what to change; begins with `; ` or is empty.
    pub hint: String,
}

impl Error {
    /// Whether the input is at fault: the command line then exits with 2, else with 1.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                std::io::ErrorKind::NotFound
                    | std::io::ErrorKind::NotADirectory
                    | std::io::ErrorKind::IsADirectory
                    | std::io::ErrorKind::PermissionDenied
                    | std::io::ErrorKind::InvalidData
                    | std::io::ErrorKind::UnexpectedEof
            ),
            Self::Store { input, .. } => *input,
            Self::File { .. }
            | Self::Line { .. }
            | Self::Field { .. }
            | Self::MissingTensor { .. }
            | Self::Shape { .. }
            | Self::NotFinite { .. }
            | Self::Adapter { .. }
            | Self::Point { .. }
            | Self::Option { .. }
            | Self::TokenOutOfRange { .. }
            | Self::EmptyPrompt
            | Self::LogitsNotFinite { .. }
            | Self::PromptTooLong { .. }
            | Self::NoTokenizer { .. }
            | Self::Device { .. } => true,
            Self::Diverged(_)
            | Self::Svd { .. }
            | Self::Cancelled
            | Self::Thread { .. }
            | Self::Endpoint(_)
            | Self::EngineGone
            | Self::DeviceMemory { .. }
            | Self::Memory { .. }
            | Self::Panicked { .. }
            | Self::Internal { .. }
            | Self::Tensor(_) => false,
        }
    }

    /// Whose fault it is, with the file and the field that a person would look at.
    fn kind(&self) -> TroubleKind {
        let input = |file: Option<&PathBuf>, field: Option<&String>| TroubleKind::Input {
            file: file.cloned(),
            field: field.cloned(),
        };
        match self {
            Self::Field { path, field, .. } => input(Some(path), Some(field)),
            Self::Option { name, .. } | Self::Point { name, .. } => input(None, Some(name)),
            Self::DeviceMemory { .. } | Self::Memory { .. } => TroubleKind::Memory,
            Self::Panicked { .. } | Self::Internal { .. } | Self::Tensor(_) => TroubleKind::Program,
            Self::Io { path, .. }
            | Self::File { path, .. }
            | Self::Line { path, .. }
            | Self::MissingTensor { path, .. }
            | Self::Shape { path, .. }
            | Self::NotFinite { path, .. }
            | Self::Adapter { path, .. }
            | Self::NoTokenizer { path }
            | Self::Store { path, .. }
                if self.is_input() =>
            {
                input(Some(path), None)
            }
            _ if self.is_input() => input(None, None),
            Self::Diverged(_) => TroubleKind::Diverged,
            _ => TroubleKind::System,
        }
    }

    /// An [`Error::Io`], for `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// An [`Error::File`].
    pub fn file(path: &Path, problem: impl Into<Problem>) -> Self {
        Self::File {
            path: path.to_path_buf(),
            problem: problem.into(),
        }
    }

    /// An [`Error::Line`]; lines count from one.
    pub fn line(path: &Path, line: usize, problem: impl Into<Problem>) -> Self {
        Self::Line {
            path: path.to_path_buf(),
            line,
            problem: problem.into(),
        }
    }

    /// An [`Error::Internal`].
    pub fn internal(what: impl Into<String>) -> Self {
        Self::Internal { what: what.into() }
    }

    /// What [`serde_json`] says when it cannot write to a file: the disk's fault, or that of a path which is no text.
    pub fn json(path: &Path, error: serde_json::Error) -> Self {
        if error.is_io() {
            Self::io("write", path)(error.into())
        } else {
            Self::file(path, format!("cannot be written as JSON: {error}"))
        }
    }

    /// An [`Error::Field`].
    pub fn field(path: &Path, field: impl Into<String>, problem: impl Into<Problem>) -> Self {
        Self::Field {
            path: path.to_path_buf(),
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// An [`Error::Option`].
    pub fn option(name: impl Into<String>, problem: impl Into<Problem>) -> Self {
        Self::Option {
            name: name.into(),
            problem: problem.into(),
        }
    }

    /// An [`Error::Point`], for `map_err`.
    pub fn point(name: impl Into<String>) -> impl FnOnce(PointError) -> Self {
        let name = name.into();
        move |source| Self::Point { name, source }
    }
}

impl From<paretoscope_core::Error> for Error {
    fn from(error: paretoscope_core::Error) -> Self {
        match error {
            paretoscope_core::Error::Point { name, source } => Self::Point { name, source },
            paretoscope_core::Error::Option { name, problem } => Self::Option { name, problem },
            paretoscope_core::Error::Study {
                path,
                problem,
                input,
            } => Self::Store {
                path,
                problem,
                input,
            },
            other => Self::option("point", other.to_string()),
        }
    }
}

impl From<OutputError> for Error {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Io {
                action,
                path,
                source,
            } => Self::Io {
                action,
                path,
                source,
            },
            OutputError::Place { path, problem } => Self::file(&path, problem),
        }
    }
}

impl From<&Error> for Trouble {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.to_string(),
        }
    }
}
