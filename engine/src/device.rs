//! Where a model computes, and in which type of number; what to do when that is not to be had.

use std::fmt;
use std::panic::{UnwindSafe, catch_unwind};
use std::path::Path;
use std::str::FromStr;

use candle_core::{DType, Device, DeviceLocation, Tensor};

use crate::kernels::{NUMERICS, PackedMatrix, QUANTISED_NUMERICS};
pub use crate::types::DeviceChoice;
use crate::{Error, Result};

/// The type of the weights in memory that a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// On the CPU the narrowest of f32, f16 and bf16 that holds a weight exactly; f32 on Apple GPUs; bf16 on NVIDIA GPUs
    /// that know it, else f16.
    #[default]
    Auto,
    /// 32 bits.
    F32,
    /// 16 bits.
    F16,
    /// 16 bits with the range of 32.
    Bf16,
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            "bf16" => Ok(Self::Bf16),
            other => Err(Error::option(
                "dtype",
                format!("is `{other}`; use auto, f32, f16 or bf16"),
            )),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        })
    }
}

/// How the CPU holds the weights of a base model. Experts are always held as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Panels {
    /// In 16 bits where they fit exactly, as they do where their file has 16: half the memory to read, and the same
    /// bits in every answer. Quantised weights stay quantised and meet activations rounded to 8 bits.
    #[default]
    AsStored,
    /// As stored, but quantised weights as the numbers they stand for, and no activation is rounded.
    Exact,
    /// In f32, whatever their file has.
    F32,
}

impl Panels {
    /// Packs a row-major `[out, inner]` matrix; lengths agree.
    pub fn pack(self, weight: &[f32], out: usize, inner: usize) -> PackedMatrix {
        match self {
            Self::AsStored | Self::Exact => PackedMatrix::narrowest(weight, out, inner),
            Self::F32 => PackedMatrix::new(weight, out, inner),
        }
    }
}

/// Where a model computes.
#[derive(Debug, Clone)]
pub enum Backend {
    /// Our own kernels, on the CPU in f32.
    Packed(Panels),
    /// candle's tensors, on any device that candle has.
    Tensors {
        /// The device.
        device: Device,
        /// Type of weights, activations and cache.
        dtype: DType,
    },
}

impl Default for Backend {
    fn default() -> Self {
        Self::Packed(Panels::default())
    }
}

impl Backend {
    /// What was asked for, or why it is not to be had ([`Error::Device`]). `auto` that ends on the CPU
    /// although this build knows a kind of GPU comes with the reason.
    pub fn find(choice: DeviceChoice, precision: Precision) -> Result<(Self, Option<String>)> {
        match choice {
            DeviceChoice::Cpu => Ok((Self::cpu(precision)?, None)),
            DeviceChoice::Cuda(ordinal) => Ok((cuda(ordinal, precision)?, None)),
            DeviceChoice::Metal => Ok((metal(precision)?, None)),
            DeviceChoice::Auto => {
                let found = if cfg!(feature = "cuda") {
                    cuda(0, precision)
                } else if cfg!(feature = "metal") {
                    metal(precision)
                } else {
                    return Ok((Self::cpu(precision)?, None));
                };
                match found {
                    Ok(gpu) => Ok((gpu, None)),
                    Err(error) => Ok((Self::cpu(precision)?, Some(error.to_string()))),
                }
            }
        }
    }

    /// [`Backend::find`], but with the CPU and the reason in place of an error.
    pub fn find_or_cpu(choice: DeviceChoice, precision: Precision) -> (Self, Option<String>) {
        Self::find(choice, precision)
            .unwrap_or_else(|error| (Self::default(), Some(error.to_string())))
    }

    /// candle's tensors on the CPU in f32: what the path of the GPUs is compared on.
    pub fn tensors_on_cpu() -> Self {
        Self::Tensors {
            device: Device::Cpu,
            dtype: DType::F32,
        }
    }

    /// For a model of which candle's `device` is asked for, in f32.
    pub fn on(device: &Device) -> Self {
        match device {
            Device::Cpu => Self::default(),
            device => Self::Tensors {
                device: device.clone(),
                dtype: DType::F32,
            },
        }
    }

    fn cpu(precision: Precision) -> Result<Self> {
        match precision {
            Precision::Auto => Ok(Self::Packed(Panels::AsStored)),
            Precision::F32 => Ok(Self::Packed(Panels::F32)),
            Precision::F16 | Precision::Bf16 => Err(Error::option(
                "dtype",
                format!(
                    "is {precision}; on a CPU weights are held as their file has them and never rounded: use auto, or f32"
                ),
            )),
        }
    }

    /// candle's device.
    pub fn device(&self) -> Device {
        match self {
            Self::Packed(_) => Device::Cpu,
            Self::Tensors { device, .. } => device.clone(),
        }
    }

    /// Type of the activations and, but on the CPU, of the weights in memory.
    pub fn dtype(&self) -> DType {
        match self {
            Self::Packed(_) => DType::F32,
            Self::Tensors { dtype, .. } => *dtype,
        }
    }

    /// Names how it computes: answers of another backend, precision or revision of the kernels are other answers. In how
    /// many bits [`Panels`] hold a number changes no bit and is not named; whether a weight is `quantised` in memory and
    /// activations are rounded is.
    pub fn numerics(&self, quantised: bool) -> String {
        match self {
            Self::Packed(_) if quantised => format!("{NUMERICS}, {QUANTISED_NUMERICS}"),
            Self::Packed(_) => NUMERICS.to_owned(),
            Self::Tensors { device, dtype } => {
                let kind = match device {
                    Device::Cpu => "cpu",
                    Device::Cuda(_) => "cuda",
                    Device::Metal(_) => "metal",
                };
                format!("candle 0.11 {kind} {}", dtype.as_str())
            }
        }
    }

    /// Itself without rounding activations, for audits: see [`Panels::Exact`].
    pub fn exact(self) -> Self {
        match self {
            Self::Packed(Panels::AsStored) => Self::Packed(Panels::Exact),
            other => other,
        }
    }

    /// For people, e.g. `CPU, 2 threads, f32`.
    pub fn in_words(&self) -> String {
        let dtype = self.dtype().as_str();
        match self {
            Self::Packed(_) => format!("CPU, {} threads, {dtype}", rayon::current_num_threads()),
            Self::Tensors { device, .. } => format!("{}, {dtype}", device_name(device)),
        }
    }
}

impl Error {
    /// An error of candle's on a device: [`Error::DeviceMemory`] where that is it, else [`Error::Tensor`].
    pub fn on_device(device: &Device, error: candle_core::Error) -> Self {
        let text = error.to_string().to_lowercase();
        if text.contains("out_of_memory") || text.contains("out of memory") {
            Self::DeviceMemory {
                device: device_name(device),
                source: error,
            }
        } else {
            Self::Tensor(error)
        }
    }
}

/// A device of candle's, for people.
pub(crate) fn device_name(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cpu => "CPU through candle".to_owned(),
        DeviceLocation::Cuda { gpu_id } => format!("NVIDIA GPU {gpu_id}"),
        DeviceLocation::Metal { .. } => "Apple GPU".to_owned(),
    }
}

/// What would help where a GPU is not to be had.
const OTHERWISE: &str = "or use --device cpu";

fn cuda(ordinal: usize, precision: Precision) -> Result<Backend> {
    let choice = DeviceChoice::Cuda(ordinal);
    if !cfg!(feature = "cuda") {
        return Err(absent(
            choice,
            "this program was built without it; build with `--features cuda` (README, \"With a GPU\")",
        ));
    }
    if !driver_is_loaded(Path::new("/dev")) {
        return Err(absent(
            choice,
            "no NVIDIA driver is loaded (`nvidia-smi` says more); install it",
        ));
    }
    let device = open(move || Device::new_cuda(ordinal)).map_err(|problem| {
        let problem = if problem.contains("INVALID_DEVICE") || problem.contains("NO_DEVICE") {
            format!("there is no GPU {ordinal}; `nvidia-smi -L` lists those there are")
        } else {
            format!("the driver or a CUDA library does not work ({problem}); README, \"With a GPU\", says which versions are needed")
        };
        absent(choice, &problem)
    })?;
    usable(choice, &device, precision, &[DType::BF16, DType::F16])
}

fn metal(precision: Precision) -> Result<Backend> {
    let choice = DeviceChoice::Metal;
    if !cfg!(feature = "metal") {
        return Err(absent(
            choice,
            "this program was built without it; build with `--features metal` on a Mac",
        ));
    }
    let device = open(|| Device::new_metal(0))
        .map_err(|problem| absent(choice, &format!("no Apple GPU answers ({problem})")))?;
    usable(choice, &device, precision, &[DType::F32])
}

fn absent(choice: DeviceChoice, problem: &str) -> Error {
    Error::Device {
        device: choice.to_string(),
        problem: format!("{problem}, {OTHERWISE}"),
    }
}

/// Whether a driver of NVIDIA has made its device files; other systems than Linux find out at the first call.
fn driver_is_loaded(dev: &Path) -> bool {
    // Servers and desktops; Windows' Linux; boards.
    let files = ["nvidiactl", "dxg", "nvgpu", "nvhost-gpu", "nvhost-ctrl-gpu"];
    !cfg!(target_os = "linux") || files.iter().any(|file| dev.join(file).exists())
}

/// Opens a device. The CUDA bindings look for the driver's libraries at their first call and panic where
/// one is missing, and there is no safe way to ask before: this is the one place where that panic is
/// made an answer.
fn open(
    new: impl FnOnce() -> candle_core::Result<Device> + UnwindSafe,
) -> std::result::Result<Device, String> {
    match catch_unwind(new) {
        Ok(Ok(device)) => Ok(device),
        Ok(Err(error)) => Err(first_line(&error.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let text = text.unwrap_or("a library is missing");
            // The name of the library; the dozens of file names that were tried follow it.
            Err(first_line(text.split(" - searched").next().unwrap_or(text)))
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// The device in the type that was asked for, or in the first of `preferred` that it computes in.
fn usable(
    choice: DeviceChoice,
    device: &Device,
    precision: Precision,
    preferred: &[DType],
) -> Result<Backend> {
    let types = match precision {
        Precision::Auto => preferred,
        Precision::F32 => &[DType::F32],
        Precision::F16 => &[DType::F16],
        Precision::Bf16 => &[DType::BF16],
    };
    let mut problems = Vec::new();
    for &dtype in types {
        match trial(device, dtype) {
            Ok(()) => {
                return Ok(Backend::Tensors {
                    device: device.clone(),
                    dtype,
                });
            }
            Err(error) => problems.push(format!(
                "{}: {}",
                dtype.as_str(),
                first_line(&error.to_string())
            )),
        }
    }
    let problem = format!("a trial product fails ({})", problems.join("; "));
    Err(absent(choice, &problem))
}

/// A product and a norm: kernels that do not fit driver or GPU fail here and not in the middle of a row.
#[allow(
    clippy::disallowed_methods,
    reason = "the kernels that rows run on are tried, and no gradient is asked for"
)]
fn trial(device: &Device, dtype: DType) -> candle_core::Result<()> {
    let ones = Tensor::ones((2, 2), DType::F32, device)?.to_dtype(dtype)?;
    let weight = ones.narrow(0, 0, 1)?.flatten_all()?;
    let normed = candle_nn::ops::rms_norm(&ones.matmul(&ones)?, &weight, 1e-6)?;
    let values: Vec<f32> = normed.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    if values.iter().all(|v| (v - 1.0).abs() < 1e-2) {
        Ok(())
    } else {
        candle_core::bail!("the norm of equal numbers came out as {values:?} in place of ones")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Trouble, TroubleKind};

    #[test]
    fn choices_are_spelt_right() {
        for text in ["auto", "cpu", "cuda:0", "cuda:3", "metal"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        assert_eq!(
            "cuda".parse::<DeviceChoice>().unwrap(),
            DeviceChoice::Cuda(0)
        );
        for text in ["gpu", "cuda:", "cuda:x", "cuda:-1", ""] {
            let refused: Error = text.parse::<DeviceChoice>().unwrap_err().into();
            assert!(refused.is_input(), "{text}");
        }
        for text in ["auto", "f32", "f16", "bf16"] {
            assert_eq!(text.parse::<Precision>().unwrap().to_string(), text);
        }
        assert!("f64".parse::<Precision>().unwrap_err().is_input());
    }

    #[test]
    fn a_cpu_computes_in_f32_alone() {
        let find = |precision| Backend::find(DeviceChoice::Cpu, precision);
        assert!(matches!(
            find(Precision::Auto).unwrap(),
            (Backend::Packed(Panels::AsStored), None)
        ));
        assert!(matches!(
            find(Precision::F32).unwrap(),
            (Backend::Packed(Panels::F32), None)
        ));
        assert!(find(Precision::Bf16).unwrap_err().is_input());
    }

    /// What is not there ends in a sentence that names it on the command line, on the CPU in the window.
    #[test]
    fn an_absent_gpu_is_an_error_with_a_way_out_and_the_cpu_for_the_window() {
        // No machine has a hundredth GPU; a Mac may have its one.
        let metal = (!cfg!(feature = "metal")).then_some(DeviceChoice::Metal);
        for choice in metal.into_iter().chain([DeviceChoice::Cuda(99)]) {
            let error = Backend::find(choice, Precision::Auto).unwrap_err();
            let text = error.to_string();
            assert!(error.is_input(), "{text}");
            assert!(
                text.contains(&choice.to_string()) && text.contains("--device cpu"),
                "{text}"
            );
            let (backend, reason) = Backend::find_or_cpu(choice, Precision::Auto);
            assert!(matches!(backend, Backend::Packed(_)));
            assert_eq!(reason.unwrap(), text);
        }
    }

    /// As candle hands on what CUDA and Metal say; nothing is allocated for it.
    #[test]
    fn a_full_device_is_an_error_of_its_own_with_a_way_out() {
        for said in [
            "DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")",
            "Failed to create metal resource: Buffer: Out of memory",
        ] {
            let error = Error::on_device(&Device::Cpu, candle_core::Error::Msg(said.to_owned()));
            let trouble = Trouble::from(&error);
            assert!(matches!(error, Error::DeviceMemory { .. }), "{error}");
            assert_eq!(trouble.kind, TroubleKind::Memory);
            assert!(!error.is_input());
            for part in ["CPU through candle", "memory is full", "fewer rows", said] {
                assert!(trouble.message.contains(part), "{}", trouble.message);
            }
        }
        let other = candle_core::Error::Msg("DriverError(CUDA_ERROR_LAUNCH_FAILED)".to_owned());
        let other = Error::on_device(&Device::Cpu, other);
        assert!(matches!(other, Error::Tensor(_)), "{other}");
    }

    #[test]
    fn a_panic_on_opening_is_an_answer() {
        let panics = || -> candle_core::Result<Device> {
            panic!("no \"cuda\" library - searched for library names: [\"libcuda.so\"]")
        };
        assert_eq!(open(panics).unwrap_err(), "no \"cuda\" library");
    }

    #[test]
    fn the_driver_is_known_by_its_files() {
        let dev = tempfile::tempdir().unwrap();
        assert_eq!(driver_is_loaded(dev.path()), !cfg!(target_os = "linux"));
        std::fs::write(dev.path().join("nvidiactl"), "").unwrap();
        assert!(driver_is_loaded(dev.path()));
    }

    #[test]
    fn the_trial_passes_on_candles_cpu() {
        trial(&Device::Cpu, DType::F32).unwrap();
        let backend = usable(DeviceChoice::Cpu, &Device::Cpu, Precision::F32, &[]).unwrap();
        assert_eq!(backend.dtype(), DType::F32);
    }
}
