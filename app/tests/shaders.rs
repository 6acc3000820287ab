//! Every shader is valid WGSL, its uniforms have the size of their Rust twin, and the cube's draws what its
//! plain reference says.

use std::path::Path;

use egui::{Color32, Vec2, vec2};
use egui_kittest::Harness;
use naga::valid::{Capabilities, ValidationFlags, Validator};
use paretoscope::gpu::SpaceCallback;
use paretoscope::gpu::space::{Mark, MarkShape, SpaceUniforms};
use paretoscope::plot::Turn;

fn modules() -> Vec<(String, naga::Module)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shaders");
    let mut modules: Vec<(String, naga::Module)> = std::fs::read_dir(folder)
        .expect("shaders/ is part of the repository")
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wgsl")
        })
        .map(|path| {
            let source = std::fs::read_to_string(&path).expect("a readable shader");
            let module = naga::front::wgsl::parse_str(&source).unwrap_or_else(|error| {
                panic!(
                    "{}",
                    error.emit_to_string_with_path(&source, &path.to_string_lossy())
                )
            });
            (
                path.file_stem()
                    .expect("a file name")
                    .to_string_lossy()
                    .into_owned(),
                module,
            )
        })
        .collect();
    modules.sort_by(|a, b| a.0.cmp(&b.0));
    modules
}

#[test]
fn every_shader_validates() {
    let modules = modules();
    assert!(!modules.is_empty(), "shaders/ holds no shader");
    for (name, module) in modules {
        // No capability is asked for, so that the GL backend can run it.
        Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string("")));
    }
}

#[test]
fn uniforms_have_the_size_of_their_twin() {
    let twins = [
        ("heatmap", size_of::<paretoscope::gpu::Uniforms>()),
        ("space", size_of::<paretoscope::gpu::space::SpaceUniforms>()),
    ];
    let modules = modules();
    for (name, size) in twins {
        let module = &modules
            .iter()
            .find(|(file, _)| file == name)
            .expect("a shader of that name")
            .1;
        let spans: Vec<u32> = module
            .types
            .iter()
            .filter(|(_, ty)| ty.name.as_deref() == Some("Uniforms"))
            .filter_map(|(_, ty)| match &ty.inner {
                naga::TypeInner::Struct { span, .. } => Some(*span),
                _ => None,
            })
            .collect();
        assert_eq!(spans, [size as u32], "{name}");
    }
}

/// One picture of the cube over the whole window.
struct Picture {
    marks: Vec<Mark>,
    uniforms: SpaceUniforms,
    target: wgpu::TextureFormat,
}

const PICTURE: Vec2 = vec2(200.0, 150.0);
const GROUND: Color32 = Color32::from_rgb(30, 40, 50);

impl eframe::App for Picture {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let rect = egui::Rect::from_min_size(egui::Pos2::ZERO, PICTURE);
        ui.painter().rect_filled(rect, 0.0, GROUND);
        let callback = SpaceCallback {
            key: 1,
            marks: self.marks.clone(),
            uniforms: self.uniforms,
            target: self.target,
        };
        ui.painter().add(callback.shape(rect));
    }
}

/// Every marker and lines in all directions, seen from somewhere.
fn picture(scale: f32) -> Harness<'static, Picture> {
    let turn = Turn {
        around: 63.0,
        above: 31.0,
        zoom: 1.1,
    };
    let rect = egui::Rect::from_min_size(egui::Pos2::ZERO, PICTURE);
    let uniforms = turn.uniforms(rect, GROUND);
    let at = |x: f32, y: f32| [x, y, 0.4 * x - 0.3 * y];
    let mut marks = vec![
        Mark::line([-1.0; 3], [1.0; 3], 1.0, Color32::from_rgb(200, 200, 60)),
        Mark::line([1.0, -1.0, -1.0], [-1.0, 1.0, 0.5], 0.5, Color32::WHITE),
    ];
    let shapes = [
        MarkShape::Disc,
        MarkShape::Ring,
        MarkShape::Diamond,
        MarkShape::Hollow,
        MarkShape::Box,
        MarkShape::BoxLine,
        MarkShape::Up,
        MarkShape::UpLine,
        MarkShape::Down,
        MarkShape::DownLine,
    ];
    for (i, shape) in shapes.into_iter().enumerate() {
        let (row, column) = (i / 4, i % 4);
        let x = 0.5 * column as f32 - 0.8;
        let y = 0.7 - 0.4 * column as f32 - 0.25 * row as f32;
        marks.push(Mark::marker(
            shape,
            at(x, y),
            9.0,
            Color32::from_rgb(230, 90, 40),
        ));
        marks.push(Mark::marker(
            shape,
            at(y, x),
            6.5,
            Color32::from_rgb(60, 180, 230).gamma_multiply(0.6),
        ));
    }
    paretoscope::gpu::space::sort(&uniforms, &mut marks);
    let mut harness = Harness::builder()
        .with_size(PICTURE)
        .with_pixels_per_point(scale)
        .with_render_cursor(false)
        .wgpu()
        .build_eframe(|cc| Picture {
            marks,
            uniforms,
            target: cc
                .wgpu_render_state
                .as_ref()
                .expect("the harness has a renderer")
                .target_format,
        });
    harness.run();
    harness
}

#[test]
fn the_shader_of_the_cube_draws_what_the_reference_says() {
    for scale in [1.0, 1.5] {
        let mut harness = picture(scale);
        let image = harness.render().expect("a software adapter renders");
        let picture = harness.state();
        let uniforms = SpaceUniforms {
            centre: picture.uniforms.centre.map(|v| v * scale),
            scale: picture.uniforms.scale * scale,
            density: scale,
            ..picture.uniforms
        };
        let [r, g, b, _] = GROUND.to_normalized_gamma_f32();
        let (mut off, mut drawn) = (0, 0);
        for (x, y, pixel) in image.enumerate_pixels() {
            let place = [x as f32 + 0.5, y as f32 + 0.5];
            let wanted =
                paretoscope::gpu::space::color_at(&uniforms, &picture.marks, [r, g, b], place);
            let apart = pixel
                .0
                .iter()
                .zip(wanted)
                .map(|(&got, want)| (f32::from(got) - want * 255.0).abs())
                .fold(0.0, f32::max);
            off += usize::from(apart > 4.0);
            drawn += usize::from(wanted != [r, g, b]);
        }
        assert!(drawn > 1000, "{drawn} pixels are drawn on");
        assert!(
            off * 1000 <= drawn,
            "{off} of {drawn} pixels differ from the reference"
        );
    }
}
