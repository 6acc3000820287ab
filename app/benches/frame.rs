//! UI work per frame with 10,000 points in the plot and a heatmap of 1,024 tokens: layout, painting
//! and tessellation, without the GPU. Aim 4 ms, bound 8 ms (a frame at 60 Hz has 16.7).

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use egui::{Event, RawInput, Rect, pos2};
use paretoscope::plot::ParetoData;
use paretoscope::state::{Front, HeatmapMode, HeatmapOptions, PlotOptions};
use paretoscope::view::heatmap::{HeatmapPanel, NoTrace, TokenTrace};
use paretoscope::view::pareto::ParetoPanel;
use paretoscope_core::types::{Point, PointResult, Preference, Summary, TokenPiece};

const POINTS: usize = 10_000;
const TOKENS: usize = 1024;
const LAYERS: usize = 16;

/// A fixed sequence in 0..1.
fn noise(seed: usize) -> f64 {
    let x = (seed as f64 * 12.9898).sin() * 43758.5453;
    x - x.floor()
}

fn point(index: usize) -> Arc<PointResult> {
    let share = noise(index).clamp(0.001, 0.999);
    let depth = 0.3 * noise(index + 31);
    let angle = share * std::f64::consts::FRAC_PI_2;
    let score = |mean: f64| {
        Some(Summary {
            mean,
            se: 0.02,
            n: 16,
            non_finite: 0,
        })
    };
    Arc::new(PointResult {
        name: None,
        index,
        point: Point::Preference(
            Preference::new(vec![share, 1.0 - share]).expect("positive shares"),
        ),
        scores: vec![score(angle.sin() - depth), score(angle.cos() - depth)],
        rows: 16,
    })
}

/// Both panels side by side in a window of 1600 × 900.
struct Window {
    ctx: egui::Context,
    pareto: ParetoPanel,
    heatmap: HeatmapPanel,
    points: Vec<Arc<PointResult>>,
    front: Front,
    objectives: Vec<String>,
    text: String,
    pieces: Vec<TokenPiece>,
    sites: Vec<String>,
    adapters: Vec<String>,
    values: Vec<f32>,
    options: HeatmapOptions,
    time: f64,
}

impl Window {
    fn new(mode: HeatmapMode) -> Self {
        let modules = [
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.o_proj",
        ];
        let mut window = Self {
            ctx: egui::Context::default(),
            pareto: ParetoPanel::default(),
            heatmap: HeatmapPanel::new(None),
            points: (0..POINTS).map(point).collect(),
            front: Front::default(),
            objectives: ["helpful", "harmless"].map(str::to_owned).to_vec(),
            text: String::new(),
            pieces: Vec::new(),
            sites: (0..LAYERS)
                .flat_map(|layer| modules.map(|module| format!("model.layers.{layer}.{module}")))
                .collect(),
            adapters: ["helpful", "harmless", "humor", "balanced"]
                .map(str::to_owned)
                .to_vec(),
            values: Vec::new(),
            options: HeatmapOptions {
                mode,
                ..HeatmapOptions::default()
            },
            time: 0.0,
        };
        (0..TOKENS).for_each(|_| window.token());
        (0..5).for_each(|_| window.frame(Vec::new()));
        window
    }

    fn token(&mut self) {
        let index = self.pieces.len();
        let start = self.text.len();
        self.text
            .push_str(["open ", "the ", "window ", "first, ", "then ", "rinse.\n"][index % 6]);
        self.pieces.push(TokenPiece {
            id: 0,
            start,
            end: self.text.len(),
        });
        for site in 0..self.sites.len() {
            let gates: [f64; 4] =
                std::array::from_fn(|adapter| noise(index * 97 + site * 7 + adapter) + 0.05);
            let sum: f64 = gates.iter().sum();
            self.values.extend(gates.map(|gate| (gate / sum) as f32));
        }
    }

    /// Forgets what came after the first points and tokens.
    fn restart(&mut self) {
        self.points.truncate(POINTS);
        self.pieces.truncate(TOKENS);
        self.text
            .truncate(self.pieces.last().map_or(0, |piece| piece.end));
        self.values
            .truncate(TOKENS * self.sites.len() * self.adapters.len());
    }

    fn frame(&mut self, events: Vec<Event>) {
        self.time += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_max(pos2(0.0, 0.0), pos2(1600.0, 900.0))),
            time: Some(self.time),
            events,
            ..RawInput::default()
        };
        let Self {
            ctx,
            pareto,
            heatmap,
            points,
            front,
            objectives,
            text,
            pieces,
            sites,
            adapters,
            values,
            options,
            ..
        } = self;
        let mut output = ctx.run_ui(input, |ui| {
            front.update(points, 1, &[0, 1]);
            let data = ParetoData {
                objectives,
                points,
                front,
                selected: Some(17),
                current: None,
                pinned: None,
                base: None,
                pending: 0,
                color: &|_| egui::Color32::GRAY,
                text: &|_| None,
                study: None,
            };
            let trace = TokenTrace {
                key: 1,
                text,
                pieces,
                sites,
                adapters,
                experts: adapters.len(),
                values,
                streams: false,
            };
            ui.columns(2, |columns| {
                pareto.show(&mut columns[0], &data, &PlotOptions::default());
                heatmap.show(&mut columns[1], Some(&trace), NoTrace::NoRun, options);
            });
        });
        // Nobody uploads the fonts here.
        output.textures_delta.clear();
        black_box(ctx.tessellate(output.shapes, output.pixels_per_point));
    }
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame, 10,000 points and 1,024 tokens");
    let mut window = Window::new(HeatmapMode::Strip);
    group.bench_function("nothing changes", |b| b.iter(|| window.frame(Vec::new())));
    let mut step = 0;
    group.bench_function("the plot is panned", |b| {
        b.iter(|| {
            step += 1;
            let wheel = Event::MouseWheel {
                unit: egui::MouseWheelUnit::Point,
                delta: egui::vec2(0.0, if step % 2 == 0 { 30.0 } else { -30.0 }),
                phase: egui::TouchPhase::Move,
                source: egui::MouseWheelSource::Wheel,
                modifiers: egui::Modifiers::NONE,
            };
            window.frame(vec![Event::PointerMoved(pos2(400.0, 450.0)), wheel]);
        });
    });
    let mut window = Window::new(HeatmapMode::Strip);
    group.bench_function("a point and a token arrive", |b| {
        b.iter(|| {
            // Back to the start now and then, so that the sizes stay what the title says.
            if window.points.len() > POINTS + 400 {
                window.restart();
            }
            window.points.push(point(window.points.len()));
            window.token();
            window.frame(Vec::new());
        });
    });
    let mut window = Window::new(HeatmapMode::Layers);
    group.bench_function("matrix without a GPU", |b| {
        b.iter(|| window.frame(Vec::new()))
    });
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
