//! Quantised weights in panels of 32 outputs.
//!
//! A block is 32 inputs of 32 outputs. Its quants lie as the inner loop takes them: four inputs of sixteen outputs are 64
//! bytes, `[4 inputs of a group][16 outputs]` with the inputs innermost. Nibbles of two neighbouring groups share their
//! bytes, and what the file has beside nibbles (a fifth bit, a fifth and a sixth) stays beside them. Scales stay in the
//! types that the file has them in, but for the 6-bit ones of the types of 256, which get 8 bits: 1/8 of a bit more a
//! weight.

use half::f16;

use super::row::BLOCK;
use crate::kernels::aligned::Aligned;
use crate::kernels::blocks::BlockKind;
use crate::kernels::tile::PANEL;

/// How quants are stored; constants, for they choose code at compile time.
pub(super) mod plane {
    /// 4 bits: 512 bytes a block.
    pub(in super::super) const NIBBLES: u8 = 0;
    /// 4 bits that number one of sixteen values.
    pub(in super::super) const TABLE: u8 = 1;
    /// 4 bits and a fifth: 128 bytes more.
    pub(in super::super) const FIFTH: u8 = 2;
    /// 4 bits and two more: 256 bytes more.
    pub(in super::super) const SIXTH: u8 = 3;
    /// 8 bits.
    pub(in super::super) const BYTES: u8 = 4;

    /// Parts of a block that have scales of their own.
    pub(in super::super) const fn halves(plane: u8) -> usize {
        if plane == SIXTH { 2 } else { 1 }
    }

    /// Bytes of a block.
    pub(in super::super) const fn bytes(plane: u8) -> usize {
        match plane {
            NIBBLES | TABLE => 512,
            FIFTH => 640,
            SIXTH => 768,
            _ => 1024,
        }
    }
}

/// Bytes of four inputs of sixteen outputs.
pub(super) const GROUP: usize = 64;
/// Where a block's bits beside the nibbles begin.
pub(super) const BESIDE: usize = 512;
/// The values that a 4-bit number of IQ4_NL stands for.
pub(super) const VALUES: [i8; 16] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];

/// Scales of parts of a file's block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    /// None: the block's own scale holds.
    None,
    /// Per 32 inputs, a scale and a minimum of 0 to 63.
    Unsigned,
    /// Per 16 inputs, a scale of -128 to 127.
    Signed,
}

/// How the numbers of a type are made: `d * part * (q - zero) - dmin * part`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) plane: u8,
    /// Taken from a quant as stored.
    pub(super) zero: i32,
    /// Whether a second f16 beside the scale is added (types of 32) or taken off (types of 256).
    pub(super) minimum: bool,
    pub(super) parts: Parts,
    /// Inputs that share the f16s.
    inputs: usize,
}

impl Form {
    fn of(kind: BlockKind) -> Self {
        let (plane, zero, minimum, parts) = match kind {
            BlockKind::Q4_0 => (plane::NIBBLES, 8, false, Parts::None),
            BlockKind::Q4_1 => (plane::NIBBLES, 0, true, Parts::None),
            BlockKind::Q5_0 => (plane::FIFTH, 16, false, Parts::None),
            BlockKind::Q5_1 => (plane::FIFTH, 0, true, Parts::None),
            BlockKind::Q8_0 => (plane::BYTES, 128, false, Parts::None),
            BlockKind::Q4_K => (plane::NIBBLES, 0, true, Parts::Unsigned),
            BlockKind::Q5_K => (plane::FIFTH, 0, true, Parts::Unsigned),
            BlockKind::Q6_K => (plane::SIXTH, 32, false, Parts::Signed),
            BlockKind::Iq4Nl => (plane::TABLE, 128, false, Parts::None),
        };
        Self {
            plane,
            zero,
            minimum,
            parts,
            inputs: if parts == Parts::None { BLOCK } else { 256 },
        }
    }

    /// f16s of one output and file block.
    fn supers(self) -> usize {
        1 + usize::from(self.minimum)
    }

    /// Part scales of one output and 32 inputs.
    fn parts(self) -> usize {
        if self.parts == Parts::None { 0 } else { 2 }
    }
}

/// A weight `[out, inner]` of one of the quantised types.
#[derive(Debug, Clone)]
pub(in crate::kernels) struct QuantisedPanels {
    kind: BlockKind,
    form: Form,
    /// `[panel][block]`, each as [`plane::bytes`] says.
    quants: Aligned<u8>,
    /// `[panel][file block][scale, minimum][32]`, bits of f16.
    supers: Vec<u16>,
    /// `[panel][block][2][32]`.
    parts: Vec<u8>,
    blocks: usize,
}

/// One panel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel<'a> {
    pub(super) form: Form,
    pub(super) quants: &'a [u8],
    pub(super) supers: &'a [u16],
    pub(super) parts: &'a [u8],
    pub(super) blocks: usize,
}

impl QuantisedPanels {
    /// Packs the rows of a file, `bytes`, as they are: `out` of `inner` inputs each, which is a multiple of the type's
    /// block; lengths agree.
    pub(in crate::kernels) fn new(kind: BlockKind, bytes: &[u8], out: usize, inner: usize) -> Self {
        let form = Form::of(kind);
        let (panels, blocks) = (out.div_ceil(PANEL), inner / BLOCK);
        let mut packed = Self {
            kind,
            form,
            quants: Aligned::new(panels * blocks * plane::bytes(form.plane)),
            supers: vec![0; panels * (inner / form.inputs) * form.supers() * PANEL],
            parts: vec![0; panels * blocks * form.parts() * PANEL],
            blocks,
        };
        let per_row = inner / form.inputs;
        for (index, block) in bytes.chunks_exact(kind.bytes()).enumerate() {
            packed.put(index / per_row, index % per_row, block);
        }
        packed
    }

    /// Puts a block of the file to output `out`.
    fn put(&mut self, out: usize, at: usize, block: &[u8]) {
        let (panel, column, form) = (out / PANEL, out % PANEL, self.form);
        let mut quants = [0; 256];
        let quants = &mut quants[..form.inputs];
        let read = read(self.kind, block, quants);
        let per_row = self.blocks * BLOCK / form.inputs;
        let supers = (panel * per_row + at) * form.supers() * PANEL + column;
        self.supers[supers] = read.scale;
        if form.minimum {
            self.supers[supers + PANEL] = read.minimum;
        }
        for (index, quants) in quants.chunks_exact(BLOCK).enumerate() {
            let block = panel * self.blocks + at * form.inputs / BLOCK + index;
            if form.parts != Parts::None {
                let parts = block * 2 * PANEL + column;
                self.parts[parts] = read.parts[index][0];
                self.parts[parts + PANEL] = read.parts[index][1];
            }
            let size = plane::bytes(form.plane);
            let bytes = &mut self.quants.numbers_mut()[block * size..][..size];
            for (k, quant) in quants.iter().enumerate() {
                put_quant(bytes, form.plane, column, k, *quant);
            }
        }
    }

    /// Copies output row `out` to `row`, as the f32 numbers that it stands for.
    pub(in crate::kernels) fn copy_row(&self, out: usize, row: &mut [f32]) {
        let (panel, column) = (self.panel(out / PANEL), out % PANEL);
        for (block, row) in row.chunks_exact_mut(BLOCK).enumerate() {
            for (k, value) in row.iter_mut().enumerate() {
                let (scale, minimum) = panel.scales(block, k / (BLOCK / 2), column);
                *value = scale * panel.quant(block, column, k) as f32 + minimum;
            }
        }
    }

    pub(in crate::kernels) fn kind(&self) -> BlockKind {
        self.kind
    }

    pub(in crate::kernels) fn bytes(&self) -> usize {
        self.quants.bytes() + self.supers.len() * size_of::<u16>() + self.parts.len()
    }

    pub(super) fn panel(&self, panel: usize) -> Panel<'_> {
        let form = self.form;
        let quants = self.blocks * plane::bytes(form.plane);
        let supers = self.blocks * BLOCK / form.inputs * form.supers() * PANEL;
        let parts = self.blocks * form.parts() * PANEL;
        Panel {
            form,
            quants: &self.quants.numbers()[panel * quants..][..quants],
            supers: &self.supers[panel * supers..][..supers],
            parts: &self.parts[panel * parts..][..parts],
            blocks: self.blocks,
        }
    }
}

impl Panel<'_> {
    /// Where the f16s of a block of 32 inputs begin.
    #[inline(always)]
    pub(super) fn supers_at(&self, block: usize) -> usize {
        block * BLOCK / self.form.inputs * self.form.supers() * PANEL
    }

    /// What half `half` of a block's quants is multiplied by, less its zero, and what is added; exact but for a sign.
    pub(super) fn scales(&self, block: usize, half: usize, column: usize) -> (f32, f32) {
        let number = |at: usize| f16::from_bits(self.supers[at]).to_f32();
        let at = self.supers_at(block) + column;
        let part = |index: usize| self.parts[(block * 2 + index) * PANEL + column];
        let scale = number(at);
        let minimum = if self.form.minimum {
            number(at + PANEL)
        } else {
            0.0
        };
        match self.form.parts {
            Parts::None => (scale, minimum),
            Parts::Unsigned => (scale * f32::from(part(0)), -(minimum * f32::from(part(1)))),
            Parts::Signed => (scale * f32::from(part(half) as i8), minimum),
        }
    }

    /// A quant less its zero.
    pub(super) fn quant(&self, block: usize, column: usize, k: usize) -> i32 {
        let size = plane::bytes(self.form.plane);
        let bytes = &self.quants[block * size..][..size];
        i32::from(get_quant(bytes, self.form.plane, column, k)) - self.form.zero
    }
}

/// Byte of a quant within a layer of whole bytes.
fn place(group: usize, column: usize, k: usize) -> usize {
    (group * 2 + column / 16) * GROUP + column % 16 * 4 + k % 4
}

fn put_quant(bytes: &mut [u8], plane: u8, column: usize, k: usize, quant: u8) {
    let group = k / 4;
    if plane == plane::BYTES {
        bytes[place(group, column, k)] = quant;
        return;
    }
    bytes[place(group / 2, column, k)] |= (quant & 15) << (group % 2 * 4);
    if plane == plane::FIFTH {
        let bit = place(group, column, k);
        bytes[BESIDE + bit / 8] |= (quant >> 4) << (bit % 8);
    } else if plane == plane::SIXTH {
        bytes[BESIDE + place(group / 4, column, k)] |= (quant >> 4) << (group % 4 * 2);
    }
}

fn get_quant(bytes: &[u8], plane: u8, column: usize, k: usize) -> u8 {
    let group = k / 4;
    if plane == plane::BYTES {
        return bytes[place(group, column, k)];
    }
    let nibble = bytes[place(group / 2, column, k)] >> (group % 2 * 4) & 15;
    let above = match plane {
        plane::TABLE => return (VALUES[usize::from(nibble)] as u8).wrapping_add(128),
        plane::FIFTH => {
            let bit = place(group, column, k);
            bytes[BESIDE + bit / 8] >> (bit % 8) & 1
        }
        plane::SIXTH => bytes[BESIDE + place(group / 4, column, k)] >> (group % 4 * 2) & 3,
        _ => 0,
    };
    nibble | above << 4
}

/// What a file's block holds beside its quants.
struct Read {
    scale: u16,
    minimum: u16,
    /// Per 32 inputs.
    parts: [[u8; 2]; 8],
}

/// Takes a file's block apart; `quants` get its numbers as they are stored, those of Q8_0 above 128.
fn read(kind: BlockKind, block: &[u8], quants: &mut [u8]) -> Read {
    let number = |at: usize| u16::from_le_bytes([block[at], block[at + 1]]);
    let mut read = Read {
        scale: number(0),
        minimum: number(2),
        parts: [[0; 2]; 8],
    };
    match kind {
        BlockKind::Q4_0 | BlockKind::Iq4Nl => halves(&block[2..], quants, |_| 0),
        BlockKind::Q4_1 => halves(&block[4..], quants, |_| 0),
        BlockKind::Q5_0 => halves(&block[6..], quants, |j| block[2 + j / 8] >> (j % 8) & 1),
        BlockKind::Q5_1 => halves(&block[8..], quants, |j| block[4 + j / 8] >> (j % 8) & 1),
        BlockKind::Q8_0 => {
            for (quant, byte) in quants.iter_mut().zip(&block[2..]) {
                *quant = byte.wrapping_add(128);
            }
        }
        BlockKind::Q4_K | BlockKind::Q5_K => {
            let fifth = kind == BlockKind::Q5_K;
            let low = &block[if fifth { 48 } else { 16 }..];
            for (k, quant) in quants.iter_mut().enumerate() {
                let (part, l) = (k / 32, k % 32);
                *quant = low[k / 64 * 32 + l] >> (part % 2 * 4) & 15;
                if fifth {
                    *quant |= (block[16 + l] >> part & 1) << 4;
                }
            }
            let b = &block[4..16];
            for (j, parts) in read.parts.iter_mut().enumerate() {
                *parts = if j < 4 {
                    [b[j] & 63, b[j + 4] & 63]
                } else {
                    [
                        b[j + 4] & 15 | b[j - 4] >> 6 << 4,
                        b[j + 4] >> 4 | b[j] >> 6 << 4,
                    ]
                };
            }
        }
        BlockKind::Q6_K => {
            for (k, quant) in quants.iter_mut().enumerate() {
                let (half, l, quarter) = (k / 128, k % 32, k % 128 / 32);
                let nibble = block[half * 64 + quarter % 2 * 32 + l] >> (quarter / 2 * 4) & 15;
                *quant = nibble | (block[128 + half * 32 + l] >> (quarter * 2) & 3) << 4;
            }
            for (parts, scales) in read.parts.iter_mut().zip(block[192..].as_chunks::<2>().0) {
                *parts = *scales;
            }
            read.scale = number(208);
        }
    }
    read
}

/// Nibbles of 32 inputs, the low ones first, and the bit above each.
fn halves(nibbles: &[u8], quants: &mut [u8], above: impl Fn(usize) -> u8) {
    for (j, quant) in quants.iter_mut().enumerate() {
        *quant = nibbles[j % 16] >> (j / 16 * 4) & 15 | above(j) << 4;
    }
}
