//! The turned cube inside egui's render pass: one pipeline, one buffer of marks per picture.

use std::collections::HashMap;

use eframe::egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};
use egui::{PaintCallbackInfo, Rect};
use wgpu::util::DeviceExt as _;

use super::space::{Mark, SpaceUniforms};

/// The shader's source.
const SOURCE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../shaders/space.wgsl"
));

/// Attributes of a [`Mark`], in the order of its fields.
const ATTRIBUTES: [wgpu::VertexAttribute; 5] = wgpu::vertex_attr_array![0 => Float32x3, 1 => Float32, 2 => Float32x3, 3 => Uint32, 4 => Float32x4];

/// One picture to draw this frame.
pub struct SpaceCallback {
    /// Names the picture from frame to frame; its buffers are kept under it.
    pub key: u64,
    /// Far ones first.
    pub marks: Vec<Mark>,
    /// `centre` and `scale` in points from the window's corner: they are scaled to pixels here, where the
    /// screen and the density are filled in as well.
    pub uniforms: SpaceUniforms,
    /// Format of what egui renders to.
    pub target: wgpu::TextureFormat,
}

impl SpaceCallback {
    /// A shape that draws it inside `rect`.
    pub fn shape(self, rect: Rect) -> egui::Shape {
        eframe::egui_wgpu::Callback::new_paint_callback(rect, self).into()
    }
}

/// Kept in egui's renderer.
struct SpaceResources {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    pictures: HashMap<u64, Picture>,
}

/// The buffers of one picture.
struct Picture {
    uniforms: wgpu::Buffer,
    bindings: wgpu::BindGroup,
    marks: wgpu::Buffer,
    /// Marks that the buffer has room for.
    room: usize,
    /// Marks of this frame.
    count: usize,
}

fn marks_buffer(device: &wgpu::Device, room: usize) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("space marks"),
        size: (room * size_of::<Mark>()) as u64,
        usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

impl SpaceResources {
    fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("space"),
            source: wgpu::ShaderSource::Wgsl(SOURCE.into()),
        });
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("space"),
            entries: &[wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: wgpu::BufferSize::new(size_of::<SpaceUniforms>() as u64),
                },
                count: None,
            }],
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("space"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("space"),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &shader,
                entry_point: Some("vertex"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[Some(wgpu::VertexBufferLayout {
                    array_stride: size_of::<Mark>() as u64,
                    step_mode: wgpu::VertexStepMode::Instance,
                    attributes: &ATTRIBUTES,
                })],
            },
            fragment: Some(wgpu::FragmentState {
                module: &shader,
                entry_point: Some("fragment"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(wgpu::ColorTargetState {
                    format: target,
                    blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
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
            pictures: HashMap::new(),
        }
    }
}

impl Picture {
    fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout, room: usize) -> Self {
        let uniforms = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("space uniforms"),
            contents: &[0; size_of::<SpaceUniforms>()],
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        });
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("space"),
            layout,
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: uniforms.as_entire_binding(),
            }],
        });
        Self {
            uniforms,
            bindings,
            marks: marks_buffer(device, room),
            room,
            count: 0,
        }
    }
}

impl CallbackTrait for SpaceCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let SpaceResources {
            layout, pictures, ..
        } = resources
            .entry()
            .or_insert_with(|| SpaceResources::new(device, self.target));
        // Twice the room whenever it runs out.
        let room = self.marks.len().next_power_of_two().max(64);
        let picture = pictures
            .entry(self.key)
            .or_insert_with(|| Picture::new(device, layout, room));
        if picture.room < room {
            picture.marks = marks_buffer(device, room);
            picture.room = room;
        }
        picture.count = self.marks.len();
        let density = screen.pixels_per_point;
        let uniforms = SpaceUniforms {
            centre: self.uniforms.centre.map(|v| v * density),
            scale: self.uniforms.scale * density,
            screen: screen.size_in_pixels.map(|v| v as f32),
            density,
            linear_target: u32::from(self.target.is_srgb()),
            ..self.uniforms
        };
        queue.write_buffer(&picture.uniforms, 0, bytemuck::bytes_of(&uniforms));
        queue.write_buffer(&picture.marks, 0, bytemuck::cast_slice(&self.marks));
        Vec::new()
    }

    fn paint(
        &self,
        info: PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let Some(space) = resources.get::<SpaceResources>() else {
            return;
        };
        let Some(picture) = space.pictures.get(&self.key).filter(|p| p.count > 0) else {
            return;
        };
        // Places are pixels of the whole target; egui cuts what lies outside of the rectangle.
        let [width, height] = info.screen_size_px.map(|v| v as f32);
        pass.set_viewport(0.0, 0.0, width, height, 0.0, 1.0);
        pass.set_pipeline(&space.pipeline);
        pass.set_bind_group(0, &picture.bindings, &[]);
        pass.set_vertex_buffer(0, picture.marks.slice(..));
        pass.draw(0..6, 0..picture.count as u32);
    }
}
