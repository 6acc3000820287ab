//! The colour map of magnitudes: cividis, readable with and without colour vision.

use egui::Color32;

/// Cividis (Nuñez, Anderton, Renslow 2018) at `value`, clamped to 0..1, as red, green and blue in 0..1.
///
/// The polynomial per channel is the one in `shaders/heatmap.wgsl`.
pub fn cividis(value: f32) -> [f32; 3] {
    let t = value.clamp(0.0, 1.0);
    let red = -4.54 - t * (35.34 - t * (2381.73 - t * (6402.7 - t * (7024.72 - t * 2710.57))));
    let green = 32.49 + t * (170.73 + t * (52.82 - t * (131.46 - t * (176.58 - t * 67.37))));
    let blue = 81.24 + t * (442.36 - t * (2482.43 - t * (6167.24 - t * (6614.94 - t * 2475.67))));
    [red, green, blue].map(|channel| (channel / 255.0).clamp(0.0, 1.0))
}

/// [`cividis`] as a colour of the window.
pub fn color(value: f32) -> Color32 {
    let [red, green, blue] = cividis(value).map(|channel| (channel * 255.0).round() as u8);
    Color32::from_rgb(red, green, blue)
}

/// Black or white, whichever reads better on `background` (WCAG relative luminance).
pub fn ink_on(background: Color32) -> Color32 {
    if luminance(background) > 0.179 {
        Color32::BLACK
    } else {
        Color32::WHITE
    }
}

/// Relative luminance of WCAG 2, from 0 to 1.
pub fn luminance(color: Color32) -> f32 {
    let linear = egui::Rgba::from(color);
    0.2126 * linear.r() + 0.7152 * linear.g() + 0.0722 * linear.b()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_dark_blue_and_yellow() {
        assert_eq!(color(0.0), Color32::from_rgb(0, 32, 81));
        assert_eq!(color(1.0), Color32::from_rgb(253, 234, 69));
        assert_eq!(color(-3.0), color(0.0));
        assert_eq!(color(7.0), color(1.0));
    }

    #[test]
    fn lightness_rises_all_the_way() {
        let steps: Vec<f32> = (0..=100)
            .map(|i| luminance(color(i as f32 / 100.0)))
            .collect();
        assert!(
            steps.windows(2).all(|pair| pair[1] >= pair[0] - 2e-3),
            "{steps:?}"
        );
        assert!(steps[100] - steps[0] > 0.7);
    }

    #[test]
    fn ink_has_contrast_everywhere() {
        for i in 0..=100 {
            let background = color(i as f32 / 100.0);
            let (a, b) = (luminance(background), luminance(ink_on(background)));
            let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(ratio >= 4.5, "{ratio} at {i} %");
        }
    }
}
