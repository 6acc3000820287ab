//! The heatmap inside egui's render pass: pipeline, data texture, upload of what is new.

use std::collections::HashMap;

use eframe::egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};
use egui::{PaintCallbackInfo, Rect};
use wgpu::util::DeviceExt as _;

use super::heatmap::{FOLD, Matrix, Uniforms};

/// The shader's source.
const SOURCE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../shaders/heatmap.wgsl"
));

/// One matrix to draw this frame.
pub struct HeatmapCallback {
    /// Names the matrix from frame to frame; its texture is kept under it.
    pub key: u64,
    /// What to draw.
    pub matrix: Matrix,
    /// How; `origin` and `cell` in points from the window's corner: they are scaled to pixels here.
    pub uniforms: Uniforms,
    /// Format of what egui renders to.
    pub target: wgpu::TextureFormat,
}

impl HeatmapCallback {
    /// A shape that draws it inside `rect`.
    pub fn shape(self, rect: Rect) -> egui::Shape {
        eframe::egui_wgpu::Callback::new_paint_callback(rect, self).into()
    }
}

/// Kept in egui's renderer: the pipeline and one texture per matrix.
pub struct HeatmapResources {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    tiles: HashMap<u64, Tile>,
}

/// The texture of one matrix and how much of it is filled.
struct Tile {
    texture: wgpu::Texture,
    uniforms: wgpu::Buffer,
    bindings: wgpu::BindGroup,
    rows: usize,
    blocks: usize,
    generation: u64,
    uploaded: usize,
}

impl HeatmapResources {
    fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("heatmap"),
            source: wgpu::ShaderSource::Wgsl(SOURCE.into()),
        });
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("heatmap"),
            entries: &[
                wgpu::BindGroupLayoutEntry {
                    binding: 0,
                    visibility: wgpu::ShaderStages::FRAGMENT,
                    ty: wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Uniform,
                        has_dynamic_offset: false,
                        min_binding_size: wgpu::BufferSize::new(size_of::<Uniforms>() as u64),
                    },
                    count: None,
                },
                wgpu::BindGroupLayoutEntry {
                    binding: 1,
                    visibility: wgpu::ShaderStages::FRAGMENT,
                    ty: wgpu::BindingType::Texture {
                        sample_type: wgpu::TextureSampleType::Float { filterable: false },
                        view_dimension: wgpu::TextureViewDimension::D2,
                        multisampled: false,
                    },
                    count: None,
                },
            ],
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("heatmap"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("heatmap"),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &shader,
                entry_point: Some("vertex"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[],
            },
            fragment: Some(wgpu::FragmentState {
                module: &shader,
                entry_point: Some("fragment"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(target.into())],
            }),
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            multiview_mask: None,
            cache: None,
        });
        Self {
            pipeline,
            layout,
            tiles: HashMap::new(),
        }
    }

    fn tile(&mut self, device: &wgpu::Device, key: u64, rows: usize, blocks: usize) -> &mut Tile {
        let fits = self
            .tiles
            .get(&key)
            .is_some_and(|tile| tile.rows == rows && tile.blocks >= blocks);
        if !fits {
            self.tiles
                .insert(key, Tile::new(device, &self.layout, rows, blocks));
        }
        self.tiles
            .entry(key)
            .or_insert_with(|| Tile::new(device, &self.layout, rows, blocks))
    }
}

impl Tile {
    fn new(
        device: &wgpu::Device,
        layout: &wgpu::BindGroupLayout,
        rows: usize,
        blocks: usize,
    ) -> Self {
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("heatmap values"),
            size: wgpu::Extent3d {
                width: (rows * blocks) as u32,
                height: FOLD as u32,
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::R32Float,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let uniforms = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("heatmap uniforms"),
            contents: &[0; size_of::<Uniforms>()],
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        });
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("heatmap"),
            layout,
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: uniforms.as_entire_binding(),
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: wgpu::BindingResource::TextureView(
                        &texture.create_view(&Default::default()),
                    ),
                },
            ],
        });
        Self {
            texture,
            uniforms,
            bindings,
            rows,
            blocks,
            generation: 0,
            uploaded: 0,
        }
    }

    /// Writes the columns that the texture does not have yet.
    fn upload(&mut self, queue: &wgpu::Queue, matrix: &Matrix, columns: usize) {
        if self.generation != matrix.generation || self.uploaded > columns {
            self.generation = matrix.generation;
            self.uploaded = 0;
        }
        while self.uploaded < columns {
            let (block, line) = (self.uploaded / FOLD, self.uploaded % FOLD);
            let count = (FOLD - line).min(columns - self.uploaded);
            let start = self.uploaded * self.rows;
            let Some(values) = matrix.values.get(start..start + count * self.rows) else {
                return;
            };
            queue.write_texture(
                wgpu::TexelCopyTextureInfo {
                    texture: &self.texture,
                    mip_level: 0,
                    origin: wgpu::Origin3d {
                        x: (block * self.rows) as u32,
                        y: line as u32,
                        z: 0,
                    },
                    aspect: wgpu::TextureAspect::All,
                },
                bytemuck::cast_slice(values),
                wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some((self.rows * size_of::<f32>()) as u32),
                    rows_per_image: None,
                },
                wgpu::Extent3d {
                    width: self.rows as u32,
                    height: count as u32,
                    depth_or_array_layers: 1,
                },
            );
            self.uploaded += count;
        }
    }
}

impl CallbackTrait for HeatmapCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let side = device.limits().max_texture_dimension_2d as usize;
        let columns = self
            .matrix
            .columns()
            .min(Matrix::capacity(self.matrix.rows, side));
        if columns == 0 {
            return Vec::new();
        }
        let heatmap = resources
            .entry()
            .or_insert_with(|| HeatmapResources::new(device, self.target));
        // Twice the room whenever it runs out, so that a long stream re-uploads seldom.
        let blocks = columns
            .div_ceil(FOLD)
            .next_power_of_two()
            .min(side / self.matrix.rows);
        let tile = heatmap.tile(device, self.key, self.matrix.rows, blocks);
        tile.upload(queue, &self.matrix, columns);
        let scale = screen.pixels_per_point;
        let uniforms = Uniforms {
            origin: self.uniforms.origin.map(|v| v * scale),
            cell: self.uniforms.cell.map(|v| v * scale),
            columns: columns as u32,
            linear_target: u32::from(self.target.is_srgb()),
            ..self.uniforms
        };
        queue.write_buffer(&tile.uniforms, 0, bytemuck::bytes_of(&uniforms));
        Vec::new()
    }

    fn paint(
        &self,
        _info: PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let Some(heatmap) = resources.get::<HeatmapResources>() else {
            return;
        };
        let Some(tile) = heatmap.tiles.get(&self.key) else {
            return;
        };
        pass.set_pipeline(&heatmap.pipeline);
        pass.set_bind_group(0, &tile.bindings, &[]);
        pass.draw(0..3, 0..1);
    }
}
