//! The heatmap panel through the accessibility tree, and the shader against its plain reference.

mod support;

use std::sync::Arc;

use egui::{Color32, Key, Rect, Vec2, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use paretoscope::gpu::heatmap::{FOLD, NO_MARK, color_at};
use paretoscope::gpu::{HeatmapCallback, Matrix, Uniforms};
use paretoscope::state::{HeatmapMode, HeatmapOptions, StripColor};
use paretoscope::view::heatmap::{HeatmapAction, HeatmapPanel, NoTrace, TokenTrace, cells};
use paretoscope_core::types::TokenPiece;

struct Bench {
    panel: HeatmapPanel,
    options: HeatmapOptions,
    text: String,
    pieces: Vec<TokenPiece>,
    sites: Vec<String>,
    adapters: Vec<String>,
    values: Vec<f32>,
    experts: usize,
    has_run: bool,
    has_trace: bool,
    log: Vec<HeatmapAction>,
}

impl Bench {
    fn new(tokens: &[&str]) -> Self {
        let mut bench = Self {
            panel: HeatmapPanel::new(None),
            options: HeatmapOptions::default(),
            text: String::new(),
            pieces: Vec::new(),
            sites: (0..3)
                .flat_map(|layer| {
                    ["self_attn.q_proj", "mlp.up_proj"].map(|m| format!("model.layers.{layer}.{m}"))
                })
                .collect(),
            adapters: ["helpful", "harmless"].map(str::to_owned).to_vec(),
            values: Vec::new(),
            experts: 2,
            has_run: true,
            has_trace: true,
            log: Vec::new(),
        };
        for token in tokens {
            bench.push(token);
        }
        bench
    }

    fn push(&mut self, token: &str) {
        let start = self.text.len();
        self.text.push_str(token);
        self.pieces.push(TokenPiece {
            id: 1,
            start,
            end: self.text.len(),
        });
        let first = 0.1 + 0.8 * (self.pieces.len() % 5) as f32 / 4.0;
        for _ in 0..self.sites.len() {
            self.values.extend([first, 1.0 - first]);
        }
    }

    fn trace(&self) -> TokenTrace<'_> {
        TokenTrace {
            key: 1,
            text: &self.text,
            pieces: &self.pieces,
            sites: &self.sites,
            adapters: &self.adapters,
            experts: self.experts,
            values: &self.values,
            streams: false,
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui) {
        let mut panel = std::mem::take(&mut self.panel);
        let trace = self.trace();
        let actions = panel.show(
            ui,
            self.has_trace.then_some(&trace),
            if self.has_run {
                NoTrace::Untraced
            } else {
                NoTrace::NoRun
            },
            &self.options,
        );
        self.panel = panel;
        for action in &actions {
            if let HeatmapAction::Options(options) = action {
                self.options = options.clone();
            }
        }
        self.log.extend(actions);
    }

    fn harness(self) -> Harness<'static, Self> {
        let mut harness = Harness::builder()
            .with_size(Vec2::new(900.0, 500.0))
            .allow_missing_glyphs()
            .build_ui_state(|ui, bench: &mut Self| bench.ui(ui), self);
        harness.run();
        harness
    }
}

fn value(harness: &Harness<'_, Bench>, name: &str) -> String {
    harness
        .get_by_label(name)
        .accesskit_node()
        .value()
        .expect("the canvas carries its words")
}

const STRIP: &str = "Tokens by expert";

#[test]
fn strip_cells_joined_are_the_bytes_of_the_text() {
    // Emoji, CJK, tab, line breaks, and a parrot that took three tokens.
    let mut bench = Bench::new(&["Hi ", "🙂", "\t", "漢字", "\n", "\n\n", "e\u{301}", " end"]);
    let start = bench.text.len();
    bench.text.push('🦜');
    for end in [start, start, start + 4] {
        bench.pieces.push(TokenPiece { id: 2, start, end });
        bench.values.extend([0.5, 0.5].repeat(6));
    }
    bench.push("!");
    let found = cells(&bench.trace()).unwrap();
    let joined: Vec<u8> = found
        .iter()
        .flat_map(|cell| bench.text.as_bytes()[cell.bytes.clone()].to_vec())
        .collect();
    assert_eq!(joined, bench.text.as_bytes());
    assert_eq!(found[8].tokens, 8..11);
    let mut harness = bench.harness();
    harness.get_by_label(STRIP).focus();
    harness.key_press(Key::End);
    harness.run();
    harness.key_press(Key::ArrowLeft);
    harness.run();
    assert!(
        value(&harness, STRIP).starts_with("Tokens 8 to 10 of 12 form “🦜” (3 tokens)"),
        "{}",
        value(&harness, STRIP)
    );
}

#[test]
fn what_does_not_agree_is_not_drawn() {
    let mut bench = Bench::new(&["a ", "short ", "answer"]);
    bench.values.truncate(2 * 12);
    let harness = bench.harness();
    harness.get_by_label_contains("the routing trace has 2 tokens, the answer has 3");
    assert!(harness.query_by_label(STRIP).is_none());
}

#[test]
fn arrow_keys_move_a_cursor_that_is_described() {
    let mut harness = Bench::new(&["Open ", "the ", "window"]).harness();
    assert!(value(&harness, STRIP).starts_with("3 tokens"));
    harness.get_by_label(STRIP).focus();
    harness.run();
    harness.key_press(Key::ArrowRight);
    harness.run();
    assert_eq!(
        value(&harness, STRIP),
        "Token 0 of 3: “Open ”; helpful 30 %, harmless 70 %"
    );
    harness.key_press(Key::ArrowRight);
    harness.run();
    assert_eq!(harness.state().options.token, Some(1));
    assert_eq!(
        value(&harness, STRIP),
        "Token 1 of 3: “the ”; helpful 50 %, harmless 50 % (a tie)"
    );
    harness.key_press(Key::End);
    harness.run();
    harness.key_press(Key::ArrowRight);
    harness.run();
    assert_eq!(
        harness.state().options.token,
        Some(2),
        "the end stays the end"
    );
    // The cursor is the same token in the matrix.
    harness.get_by_label("Layers").click();
    harness.run();
    assert!(value(&harness, "Gates of one expert by layer and token").starts_with("Token 2 of 3"));
}

#[test]
fn every_mode_shows_without_an_unnamed_input() {
    for mode in [
        HeatmapMode::Strip,
        HeatmapMode::Layers,
        HeatmapMode::Experts,
    ] {
        for color in [StripColor::Top, StripColor::Share, StripColor::Entropy] {
            let mut bench = Bench::new(&["Open ", "the ", "window"]);
            bench.options = HeatmapOptions {
                mode,
                color,
                ..HeatmapOptions::default()
            };
            let harness = bench.harness();
            harness.check_accessibility();
            harness.get_by_label("Module");
        }
    }
}

#[test]
fn streaming_grows_the_strip_and_keeps_the_choice() {
    let mut harness = Bench::new(&["Open "]).harness();
    harness.get_by_label("Entropy").click();
    harness.run();
    let low = harness.get_by_label(STRIP).rect().height();
    for i in 0..300 {
        harness
            .state_mut()
            .push(if i % 30 == 29 { "end.\n" } else { "word " });
        harness.run_steps(1);
    }
    assert_eq!(harness.state().options.color, StripColor::Entropy);
    assert!(harness.get_by_label(STRIP).rect().height() > 5.0 * low);
    assert!(value(&harness, STRIP).starts_with("301 tokens"));
}

#[test]
fn empty_states_say_why() {
    let mut bench = Bench::new(&[]);
    bench.has_run = false;
    bench.has_trace = false;
    let mut harness = bench.harness();
    harness.get_by_label_contains("No answer yet");
    harness.get_by_label("Generate an answer").click();
    harness.run();
    assert_eq!(harness.state_mut().log.pop(), Some(HeatmapAction::Generate));
    harness.state_mut().has_run = true;
    harness.run();
    harness.get_by_label("Regenerate with trace").click();
    harness.run();
    assert_eq!(harness.state().log, [HeatmapAction::Regenerate]);
    Bench::new(&[])
        .harness()
        .get_by_label_contains("Waiting for the first token");
}

#[test]
fn gates_beyond_one_widen_the_scale_and_say_so() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.values.iter_mut().for_each(|gate| *gate *= 2.0);
    let harness = bench.harness();
    harness.get_by_label_contains("Scale ends at 1.5");
}

/// One callback over the whole window.
struct Shader {
    matrix: Matrix,
    uniforms: Uniforms,
    target: wgpu::TextureFormat,
}

const WINDOW: Vec2 = vec2(200.0, 120.0);

impl eframe::App for Shader {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let all = Rect::from_min_size(pos2(0.0, 0.0), WINDOW);
        let callback = HeatmapCallback {
            key: 1,
            matrix: self.matrix.clone(),
            uniforms: self.uniforms,
            target: self.target,
        };
        ui.ctx()
            .layer_painter(egui::LayerId::background())
            .add(callback.shape(all));
    }
}

fn uniforms(columns: usize, rows: usize) -> Uniforms {
    Uniforms {
        origin: [12.0, 9.0],
        cell: [14.0, 11.0],
        rows: rows as u32,
        columns: columns as u32,
        fold: FOLD as u32,
        marked: 2,
        low: 0.0,
        high: 1.0,
        grid_width: 1.0,
        linear_target: 0,
        map: 0,
        pad: [0; 3],
        grid_color: [0.5, 0.25, 0.125, 1.0],
        empty_color: [0.2, 0.3, 0.4, 1.0],
        mark_color: [1.0, 0.0, 0.0, 1.0],
    }
}

/// Compares every pixel of a render with the reference; edges of cells may round either way.
fn compare(harness: &mut Harness<'_, Shader>, scale: f32) {
    let image = harness.render().expect("a software adapter renders");
    let shader = harness.state();
    let uniforms = Uniforms {
        origin: shader.uniforms.origin.map(|v| v * scale),
        cell: shader.uniforms.cell.map(|v| v * scale),
        columns: shader.matrix.columns() as u32,
        ..shader.uniforms
    };
    let mut off = 0;
    for (x, y, pixel) in image.enumerate_pixels() {
        let wanted = color_at(&uniforms, &shader.matrix, [x as f32 + 0.5, y as f32 + 0.5]);
        let near = pixel
            .0
            .iter()
            .zip(wanted)
            .all(|(&got, want)| (f32::from(got) - want * 255.0).abs() <= 2.0);
        off += usize::from(!near);
    }
    let all = (image.width() * image.height()) as usize;
    assert!(
        off * 1000 <= all,
        "{off} of {all} pixels differ from the reference"
    );
}

fn shader(matrix: Matrix, scale: f32) -> Harness<'static, Shader> {
    let mut harness = Harness::builder()
        .with_size(WINDOW)
        .with_pixels_per_point(scale)
        .with_render_cursor(false)
        .wgpu()
        .build_eframe(|cc| {
            let uniforms = uniforms(matrix.columns(), matrix.rows);
            let target = cc
                .wgpu_render_state
                .as_ref()
                .expect("the harness has a renderer")
                .target_format;
            Shader {
                matrix,
                uniforms,
                target,
            }
        });
    harness.run();
    harness
}

fn ramp(columns: usize, rows: usize) -> Matrix {
    let count = columns * rows;
    let mut values: Vec<f32> = (0..count).map(|i| i as f32 / (count - 1) as f32).collect();
    values[count / 2] = f32::NAN;
    Matrix {
        rows,
        values: Arc::new(values),
        generation: 1,
    }
}

#[test]
fn the_shader_draws_what_the_reference_says() {
    for scale in [1.0, 1.5] {
        compare(&mut shader(ramp(12, 9), scale), scale);
    }
}

#[test]
fn signed_values_have_the_diverging_colours_of_the_reference() {
    let mut harness = shader(ramp(12, 9), 1.0);
    let uniforms = &mut harness.state_mut().uniforms;
    (uniforms.low, uniforms.map) = (-1.0, paretoscope::gpu::ColorMap::Diverging as u32);
    harness.run();
    compare(&mut harness, 1.0);
}

#[test]
fn value_vectors_are_told_from_experts_of_the_same_name() {
    let mut bench = Bench::new(&["Open "]);
    bench.adapters = vec!["helpful".to_owned(); 2];
    bench.values = [0.4, 0.6].repeat(6);
    let mut panel = bench.harness();
    panel.get_by_label("helpful 40 %");
    // Its adapters are one expert and one value vector.
    panel.state_mut().experts = 1;
    panel.run();
    panel.get_by_label("helpful (value) 60 %");
    assert!(value(&panel, STRIP).starts_with("1 tokens"));
}

#[test]
fn appended_columns_reach_the_texture() {
    let mut harness = shader(ramp(5, 4), 1.0);
    compare(&mut harness, 1.0);
    let mut grown = harness.state().matrix.values.to_vec();
    grown.extend([0.9, 0.1, 0.6, 0.3]);
    harness.state_mut().matrix.values = Arc::new(grown);
    harness.run();
    compare(&mut harness, 1.0);
}

#[test]
fn columns_beyond_the_fold_are_found_again() {
    let mut harness = shader(ramp(FOLD + 6, 3), 1.0);
    // Looks at the last columns: the window begins at column FOLD - 4.
    harness.state_mut().uniforms.origin[0] = 4.0 - (FOLD as f32 - 4.0) * 14.0;
    harness.state_mut().uniforms.marked = NO_MARK;
    harness.run();
    compare(&mut harness, 1.0);
}

#[test]
fn without_a_gpu_the_matrix_is_painted_cell_by_cell() {
    let mut bench = Bench::new(&["a", "b", "c", "d"]);
    bench.options.mode = HeatmapMode::Experts;
    let mut harness = Harness::builder()
        .with_size(Vec2::new(600.0, 300.0))
        .with_render_cursor(false)
        .wgpu()
        .build_ui_state(|ui, bench: &mut Bench| bench.ui(ui), bench);
    harness.run();
    let place = harness.get_by_label("Gates by expert and token").rect();
    let image = harness.render().expect("a software adapter renders");
    // Middle of token 1's cell in the upper row: gate 0.5.
    let at = place.left_top() + vec2(place.width() * 1.5 / 4.0, place.height() * 0.25);
    let [red, green, blue, _] = image.get_pixel(at.x as u32, at.y as u32).0;
    assert_eq!(
        Color32::from_rgb(red, green, blue),
        paretoscope::gpu::cividis::color(0.5)
    );
}
