// A cube of points that a person turns: markers and lines as one instanced quad each, in the order given,
// anti-aliased by their distance in framebuffer pixels.
// The Rust twin of `Uniforms` and the plain reference of every function are in app/src/gpu/space.rs.

struct Uniforms {
    // Axes of the eye in the cube, whose sides run from -1 to 1: to its right, up, and toward it. w is unused.
    right: vec4<f32>,
    up: vec4<f32>,
    toward: vec4<f32>,
    // What far things fade into.
    ground: vec4<f32>,
    // Framebuffer pixel of the cube's middle.
    centre: vec2<f32>,
    // Size of the framebuffer in pixels.
    screen: vec2<f32>,
    // Pixels per unit in the plane through the middle.
    scale: f32,
    // From the middle to the eye, in units.
    eye: f32,
    // Share of the ground's colour in what is farthest.
    fade: f32,
    // Framebuffer pixels per point.
    density: f32,
    // 1 where the target stores linear light and encodes by itself.
    linear_target: u32,
    pad_a: u32,
    pad_b: u32,
    pad_c: u32,
}

@group(0) @binding(0) var<uniform> u: Uniforms;

const LINE: u32 = 0u;
const DISC: u32 = 1u;
const RING: u32 = 2u;
const DIAMOND: u32 = 3u;
const HOLLOW: u32 = 4u;
const BOX: u32 = 5u;
const BOX_LINE: u32 = 6u;
const UP: u32 = 7u;
const UP_LINE: u32 = 8u;
const DOWN: u32 = 9u;
const DOWN_LINE: u32 = 10u;

struct Mark {
    // Where it begins; a marker stands here.
    @location(0) start: vec3<f32>,
    // Half the width of a line, the radius of a marker, in points.
    @location(1) size: f32,
    // Where a line ends.
    @location(2) end: vec3<f32>,
    @location(3) shape: u32,
    // Gamma-encoded, not premultiplied.
    @location(4) color: vec4<f32>,
}

struct Quad {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) start: vec2<f32>,
    @location(1) @interpolate(flat) end: vec2<f32>,
    @location(2) @interpolate(flat) reach: f32,
    @location(3) @interpolate(flat) shape: u32,
    @location(4) @interpolate(flat) color: vec4<f32>,
}

// Framebuffer pixel of a place in the cube; z is how many times larger things are there than in the middle.
fn project(place: vec3<f32>) -> vec3<f32> {
    let x = dot(u.right.xyz, place);
    let y = dot(u.up.xyz, place);
    let nearer = u.eye / (u.eye - dot(u.toward.xyz, place));
    return vec3<f32>(u.centre + u.scale * nearer * vec2<f32>(x, -y), nearer);
}

// The colour of a mark in the depth of the cube, whose corners are sqrt(3) from the middle.
fn shade(color: vec4<f32>, place: vec3<f32>) -> vec4<f32> {
    let depth = clamp(0.5 - dot(u.toward.xyz, place) / 3.4641016, 0.0, 1.0);
    return vec4<f32>(mix(color.rgb, u.ground.rgb, u.fade * depth), color.a);
}

@vertex
fn vertex(@builtin(vertex_index) index: u32, mark: Mark) -> Quad {
    let start = project(mark.start);
    let end = project(mark.end);
    var reach = mark.size * u.density;
    var quad: Quad;
    quad.start = start.xy;
    quad.end = end.xy;
    if mark.shape != LINE {
        reach = reach * start.z;
        quad.end = start.xy;
    }
    quad.reach = reach;
    quad.shape = mark.shape;
    quad.color = shade(mark.color, 0.5 * (mark.start + mark.end));
    // A rectangle along the line, one pixel wider than the mark: (0, 0), (1, 0), (0, 1), (0, 1), (1, 0), (1, 1).
    let along = f32(index == 1u || index == 4u || index == 5u);
    let across = f32(index == 2u || index == 3u || index == 5u);
    let way = quad.end - quad.start;
    let far = length(way);
    var direction = vec2<f32>(1.0, 0.0);
    if far > 0.001 {
        direction = way / far;
    }
    let normal = vec2<f32>(-direction.y, direction.x);
    let room = reach + 1.0;
    let pixel = mix(quad.start - room * direction, quad.end + room * direction, along)
        + (2.0 * across - 1.0) * room * normal;
    let ndc = pixel / u.screen * 2.0 - 1.0;
    quad.position = vec4<f32>(ndc.x, -ndc.y, 0.5, 1.0);
    return quad;
}

// How much of a pixel a mark covers.
fn coverage(shape: u32, start: vec2<f32>, end: vec2<f32>, reach: f32, pixel: vec2<f32>) -> f32 {
    let from_start = pixel - start;
    let diamond = (abs(from_start.x) + abs(from_start.y) - reach) * 0.70710678;
    let box = max(abs(from_start.x), abs(from_start.y)) - 0.8 * reach;
    // Three edges, each half the reach from the middle; the tip of one that points down is below.
    let side = 0.8660254 * abs(from_start.x);
    let up = max(from_start.y, side - 0.5 * from_start.y) - 0.5 * reach;
    let down = max(-from_start.y, side + 0.5 * from_start.y) - 0.5 * reach;
    let width = max(1.0, 0.3 * reach);
    var distance = length(from_start) - reach;
    if shape == BOX || shape == BOX_LINE {
        distance = box;
    } else if shape == UP || shape == UP_LINE {
        distance = up;
    } else if shape == DOWN || shape == DOWN_LINE {
        distance = down;
    }
    if shape == LINE {
        let way = end - start;
        let along = clamp(dot(from_start, way) / max(dot(way, way), 0.000001), 0.0, 1.0);
        distance = length(from_start - along * way) - reach;
    } else if shape == RING {
        distance = abs(distance + 0.5 * width) - 0.5 * width;
    } else if shape == DIAMOND {
        distance = diamond;
    } else if shape == HOLLOW {
        distance = abs(diamond + 0.5 * width) - 0.5 * width;
    } else if shape == BOX_LINE || shape == UP_LINE || shape == DOWN_LINE {
        distance = abs(distance + 0.5 * width) - 0.5 * width;
    }
    return clamp(0.5 - distance, 0.0, 1.0);
}

fn linear_from_gamma(color: vec3<f32>) -> vec3<f32> {
    let low = color / 12.92;
    let high = pow((color + 0.055) / 1.055, vec3<f32>(2.4));
    return select(high, low, color < vec3<f32>(0.04045));
}

@fragment
fn fragment(quad: Quad) -> @location(0) vec4<f32> {
    let part = coverage(quad.shape, quad.start, quad.end, quad.reach, quad.position.xy);
    let alpha = quad.color.a * part;
    var color = quad.color.rgb;
    if u.linear_target == 1u {
        color = linear_from_gamma(color);
    }
    return vec4<f32>(color * alpha, alpha);
}
