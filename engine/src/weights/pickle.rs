//! PyTorch's `.bin` files: a zip archive of raw storages and a pickle that says which bytes are
//! which tensor.
//!
//! candle's reader turns the pickle into plain data and executes nothing. Beyond that, whatever a
//! plain `state_dict` does not hold is refused by name before it is read, so that a file with code
//! in it is an error and not a surprise. Storages lie uncompressed in the archive, so that each
//! tensor is a range of bytes of the file, as it is in safetensors.

use std::collections::HashMap;
use std::io::{BufReader, Read as _};
use std::path::Path;

use candle_core::pickle::{Object, Stack};
use safetensors::Dtype;
use zip::{CompressionMethod, ZipArchive};

use crate::{Error, Result};

/// The longest pickle that is read, bytes: a thousand times what a large model's takes.
const MAX_PICKLE: u64 = 1 << 24;
/// Things on the pickle's stack, at most; PyTorch writes dictionaries in pieces of a thousand.
const MAX_STACK: usize = 10_000;
/// How deep tuples may lie in one another.
const MAX_DEPTH: usize = 32;
/// Parts of one description of a tensor, at most.
const MAX_PARTS: usize = 1 << 12;
/// Parts of anything that the pickle uses a second time: names and classes, mostly.
const MAX_SHARED_PARTS: usize = 64;
/// Parts of all that the pickle keeps for a second use: a third of a gigabyte in memory.
const MAX_KEPT_PARTS: usize = 1 << 22;
/// Parts of a value in a dictionary; the versions of a large model's layers are some thousands.
const MAX_VALUE_PARTS: usize = 1 << 20;
/// How often a pickle gives attributes to a value; a `state_dict` does it once.
const MAX_BUILDS: usize = 32;

/// Where a tensor lies in its file.
#[derive(Debug)]
pub(super) struct PickledTensor {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) start: u64,
    pub(super) bytes: usize,
}

/// A file of the archive.
struct Stored {
    start: u64,
    size: u64,
}

/// All tensors of a `.bin` file.
pub(super) fn read_pickled(path: &Path) -> Result<Vec<PickledTensor>> {
    let file = crate::files::open(path)?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| {
        Error::file(
            path,
            format!(
                "is not a zip archive, as PyTorch writes since version 1.6 ({e}): cut short, or of the older format; load it with torch and save it again, best as safetensors"
            ),
        )
    })?;
    let mut pickle = None;
    let mut stored = HashMap::new();
    for index in 0..archive.len() {
        let broken = |e: &dyn std::fmt::Display| {
            Error::file(path, format!("entry {index} of the archive: {e}"))
        };
        let mut entry = archive.by_index(index).map_err(|e| broken(&e))?;
        let name = entry.name().map_err(|e| broken(&e))?.into_owned();
        if entry.compression() != CompressionMethod::Stored {
            return Err(broken(&format!(
                "`{name}` is compressed; PyTorch stores plainly"
            )));
        }
        if name.ends_with("/data.pkl") {
            if entry.size() > MAX_PICKLE {
                return Err(broken(&format!(
                    "`{name}` has {} bytes; a checkpoint's takes less than {MAX_PICKLE}",
                    entry.size()
                )));
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(|e| broken(&e))?;
            pickle = Some((name.trim_end_matches(".pkl").to_owned(), bytes));
        } else if name.ends_with("/byteorder") {
            let mut order = String::new();
            entry.read_to_string(&mut order).map_err(|e| broken(&e))?;
            if order.trim() != "little" {
                return Err(broken(&format!(
                    "byte order `{order}`; only little is read"
                )));
            }
        } else if let Some(start) = entry.data_start() {
            let size = entry.size();
            stored.insert(name, Stored { start, size });
        }
    }
    let Some((folder, bytes)) = pickle else {
        return Err(Error::file(
            path,
            "is a zip archive without data.pkl: not a checkpoint of PyTorch",
        ));
    };
    let Object::Dict(entries) = unpickle(&bytes, path)? else {
        return Err(Error::file(
            path,
            "holds something else than a dictionary of tensors (a `state_dict`)",
        ));
    };
    entries
        .into_iter()
        // What a module keeps beside its tensors: the versions of its layers.
        .filter(|(name, _)| *name != Object::Unicode("_metadata".to_owned()))
        .map(|(name, value)| {
            let name = name.unicode().map_err(|_other| {
                Error::file(path, "holds a value under something else than a name")
            })?;
            tensor(&name, value, &folder, &stored)
                .map_err(|problem| Error::file(path, format!("`{name}` {problem}")))
        })
        .collect()
}

/// What the pickle says, with every instruction looked at before candle reads it.
fn unpickle(bytes: &[u8], path: &Path) -> Result<Object> {
    let wrong = |problem: String| Error::file(path, problem);
    let mut stack = Stack::empty();
    let mut rest = bytes;
    let (mut builds, mut kept) = (0, 0);
    loop {
        let instruction = inspect(rest).map_err(wrong)?;
        builds += usize::from(instruction == b'b');
        if builds > MAX_BUILDS || !flat_enough(instruction, stack.stack(), &mut kept) {
            return Err(wrong(TOO_DEEP.to_owned()));
        }
        let stop = stack
            .read(&mut rest)
            .map_err(|e| wrong(format!("its pickle cannot be read: {e}")))?;
        if stack.stack().len() > MAX_STACK {
            return Err(wrong(format!(
                "its pickle holds more than {MAX_STACK} open values: not a checkpoint"
            )));
        }
        let limit = match instruction {
            b'h' | b'j' => MAX_SHARED_PARTS,
            b't' | 0x85..=0x87 | b'R' => MAX_PARTS,
            _ => usize::MAX,
        };
        if limit < usize::MAX
            && let Some(top) = stack.stack().last()
        {
            let mut parts = limit;
            if !within(top, MAX_DEPTH, &mut parts) {
                return Err(wrong(TOO_DEEP.to_owned()));
            }
        }
        if stop {
            return stack
                .finalize()
                .map_err(|e| wrong(format!("its pickle cannot be read: {e}")));
        }
    }
}

const TOO_DEEP: &str = "its pickle nests or repeats values more than a checkpoint does";

/// Whether what an instruction puts into another value, or keeps for later, is as flat as in a checkpoint:
/// values are copied and dropped level by level, so that depth costs stack.
fn flat_enough(instruction: u8, stack: &[Object], kept: &mut usize) -> bool {
    let from_top = |count: usize| &stack[stack.len().saturating_sub(count)..];
    let taken = match instruction {
        b'q' | b'r' => {
            let mut parts = MAX_SHARED_PARTS;
            let flat = from_top(1)
                .iter()
                .all(|value| within(value, MAX_DEPTH, &mut parts));
            *kept += MAX_SHARED_PARTS - parts;
            return flat && *kept <= MAX_KEPT_PARTS;
        }
        b'a' | b'Q' | 0x85 => from_top(1),
        b's' | b'b' | b'R' | 0x81 | 0x86 => from_top(2),
        0x87 => from_top(3),
        // All above the last mark.
        b'e' | b'u' | b'd' | b't' => {
            let above = stack.iter().rev().position(|v| *v == Object::Mark);
            from_top(above.unwrap_or(stack.len()))
        }
        _ => &[],
    };
    taken
        .iter()
        .all(|value| within(value, MAX_DEPTH, &mut { MAX_VALUE_PARTS }))
}

/// The next instruction, if it may be read.
fn inspect(rest: &[u8]) -> Result<u8, String> {
    let Some((&instruction, argument)) = rest.split_first() else {
        return Err("its pickle ends early".to_owned());
    };
    match instruction {
        // A name out of Python: classes, and functions that loading would call.
        b'c' | b'i' => {
            let mut lines = argument.split(|&b| b == b'\n');
            let mut line =
                || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
            let (module, name) = (line(), line());
            if instruction == b'i' || !is_plain(&module, &name) {
                return Err(format!(
                    "names `{module}.{name}`: code, not a tensor; nothing of it was run, and the file is refused"
                ));
            }
        }
        b'X' => {
            let length = argument
                .first_chunk()
                .map_or(usize::MAX, |b| u32::from_le_bytes(*b) as usize);
            if length > argument.len() {
                return Err("its pickle ends early".to_owned());
            }
        }
        0x8a if argument.first().is_none_or(|&n| n > 8) => {
            return Err("its pickle holds a whole number of more than 8 bytes".to_owned());
        }
        0x93 | 0x95 | 0x8c => {
            return Err(
                "its pickle is of protocol 4 or later; PyTorch writes protocol 2, so this is not a plain checkpoint"
                    .to_owned(),
            );
        }
        _ => {}
    }
    Ok(instruction)
}

/// The names that plain tensors are made with.
fn is_plain(module: &str, name: &str) -> bool {
    match module {
        "collections" => name == "OrderedDict",
        "torch._utils" => matches!(name, "_rebuild_tensor_v2" | "_rebuild_parameter"),
        "torch" => dtype(name).is_some(),
        _ => false,
    }
}

fn dtype(storage: &str) -> Option<Dtype> {
    Some(match storage {
        "FloatStorage" => Dtype::F32,
        "DoubleStorage" => Dtype::F64,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::BF16,
        "BoolStorage" => Dtype::BOOL,
        "ByteStorage" => Dtype::U8,
        "CharStorage" => Dtype::I8,
        "ShortStorage" => Dtype::I16,
        "IntStorage" => Dtype::I32,
        "LongStorage" => Dtype::I64,
        _ => return None,
    })
}

/// Whether a value has no more than these levels and parts.
fn within(object: &Object, depth: usize, parts: &mut usize) -> bool {
    if depth == 0 || *parts == 0 {
        return false;
    }
    *parts -= 1;
    let mut each = |inner: &Object| within(inner, depth - 1, parts);
    match object {
        Object::Tuple(values) | Object::List(values) => values.iter().all(each),
        Object::Dict(entries) => entries.iter().all(|(k, v)| each(k) && each(v)),
        Object::Reduce { callable, args } | Object::Build { callable, args } => {
            each(callable) && each(args)
        }
        Object::PersistentLoad(inner) => each(inner),
        _ => true,
    }
}

/// A tensor out of `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...)`.
fn tensor(
    name: &str,
    value: Object,
    folder: &str,
    stored: &HashMap<String, Stored>,
) -> Result<PickledTensor, String> {
    let no_tensor = || {
        "is not a tensor; a checkpoint holds tensors alone (`torch.save(model.state_dict(), ...)`)"
            .to_owned()
    };
    let call = |value: Object, function: &str| -> Option<Vec<Object>> {
        let (callable, arguments) = value.reduce().ok()?;
        let (_, called) = callable.class().ok()?;
        (called == function)
            .then(|| arguments.tuple().ok())
            .flatten()
    };
    let value = match call(value.clone(), "_rebuild_parameter") {
        Some(arguments) => arguments.into_iter().next().ok_or_else(no_tensor)?,
        None => value,
    };
    let arguments = call(value, "_rebuild_tensor_v2").ok_or_else(no_tensor)?;
    let mut arguments = arguments.into_iter();
    let mut next = || arguments.next().ok_or_else(no_tensor);
    let storage = next()?
        .persistent_load()
        .and_then(Object::tuple)
        .map_err(|_other| no_tensor())?;
    let offset = whole(next()?).ok_or_else(no_tensor)?;
    let shape = wholes(next()?).ok_or_else(no_tensor)?;
    let strides = wholes(next()?).ok_or_else(no_tensor)?;
    let [_, class, key, ..] = storage.as_slice() else {
        return Err(no_tensor());
    };
    let (Object::Class { class_name, .. }, Object::Unicode(key)) = (class, key) else {
        return Err(no_tensor());
    };
    let dtype = dtype(class_name).ok_or_else(no_tensor)?;
    if !contiguous(&shape, &strides) {
        return Err(format!(
            "is stored with strides {strides:?} for the shape {shape:?}; save it contiguous (`tensor.contiguous()`), or as safetensors"
        ));
    }
    let entry = stored
        .get(&format!("{folder}/{key}"))
        .ok_or_else(|| format!("lies in the storage {key}, which the archive does not hold"))?;
    let width = dtype.bitsize() / 8;
    let end = shape
        .iter()
        .try_fold(1_usize, |n, &d| n.checked_mul(d))
        .and_then(|count| count.checked_add(offset)?.checked_mul(width));
    let Some(end) = end.filter(|&end| end as u64 <= entry.size) else {
        return Err(format!(
            "has shape {shape:?} from element {offset} on, more than its storage of {} bytes: cut short",
            entry.size
        ));
    };
    Ok(PickledTensor {
        name: name.to_owned(),
        dtype,
        shape,
        start: entry.start + (offset * width) as u64,
        bytes: end - offset * width,
    })
}

fn whole(value: Object) -> Option<usize> {
    usize::try_from(value.int_or_long().ok()?).ok()
}

fn wholes(value: Object) -> Option<Vec<usize>> {
    value.tuple().ok()?.into_iter().map(whole).collect()
}

fn contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.len() == strides.len()
        && shape.iter().zip(strides).rev().all(|(&size, &stride)| {
            let fits = size == 1 || stride == expected;
            expected = expected.saturating_mul(size.max(1));
            fits
        })
}
