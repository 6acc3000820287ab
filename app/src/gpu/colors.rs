//! Which colours a scale has: those of magnitudes, or of signed values.

use egui::Color32;

use super::cividis;

/// The colours of a scale; the numbers are the shader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum ColorMap {
    /// From nothing to much: cividis.
    Magnitude = 0,
    /// Below and above a middle: blue and vermilion, light grey between.
    Diverging = 1,
}

impl ColorMap {
    /// The colour at a part of the scale, clamped to 0..1.
    pub fn color(self, part: f32) -> Color32 {
        match self {
            Self::Magnitude => cividis::color(part),
            Self::Diverging => {
                let [r, g, b] = diverging(part).map(|channel| (channel * 255.0).round() as u8);
                Color32::from_rgb(r, g, b)
            }
        }
    }
}

/// `diverging` of `shaders/heatmap.wgsl`: red, green and blue in 0..1, gamma-encoded.
pub fn diverging(part: f32) -> [f32; 3] {
    const MIDDLE: f32 = 0.87;
    const LOW: [f32; 3] = [0.0, 0.447_058_83, 0.698_039_23];
    const HIGH: [f32; 3] = [0.835_294_1, 0.368_627_46, 0.0];
    let t = part.clamp(0.0, 1.0) * 2.0 - 1.0;
    let end = if t < 0.0 { LOW } else { HIGH };
    end.map(|channel| MIDDLE + t.abs() * (channel - MIDDLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::cividis::luminance;

    #[test]
    fn signed_values_are_blue_below_and_orange_above_an_even_middle() {
        let at = |part| ColorMap::Diverging.color(part);
        assert_eq!(at(0.0), Color32::from_rgb(0x00, 0x72, 0xB2));
        assert_eq!(at(1.0), Color32::from_rgb(0xD5, 0x5E, 0x00));
        let middle = at(0.5);
        assert!(middle.r() == middle.g() && middle.g() == middle.b());
        // The farther from the middle, the darker, on both sides.
        for step in 0..10 {
            let (near, far) = (0.05 * step as f32, 0.05 * (step + 1) as f32);
            assert!(luminance(at(0.5 + far)) < luminance(at(0.5 + near)));
            assert!(luminance(at(0.5 - far)) < luminance(at(0.5 - near)));
        }
    }
}
