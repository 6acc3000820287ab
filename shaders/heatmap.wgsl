// Matrix heatmap: one texel per cell, cividis or diverging colours, nearest sampling, exact in framebuffer pixels.
// The Rust twin of `Uniforms` and the plain reference of every function are in app/src/gpu/heatmap.rs.

struct Uniforms {
    // Framebuffer pixel of the top left corner of cell (column 0, row 0).
    origin: vec2<f32>,
    // Size of a cell in pixels.
    cell: vec2<f32>,
    rows: u32,
    columns: u32,
    // Columns per block of the texture: texel x = row + rows * (column / fold), y = column % fold.
    fold: u32,
    // Column with an outline; 0xffffffff for none.
    marked: u32,
    // Values shown as the first and the last colour.
    low: f32,
    high: f32,
    // Width of the grid between cells, in pixels; 0 draws none.
    grid_width: f32,
    // 1 where the target stores linear light and encodes by itself.
    linear_target: u32,
    // 0: magnitudes, cividis; 1: signed values, blue below the middle of the scale and orange above it.
    map: u32,
    pad_a: u32,
    pad_b: u32,
    pad_c: u32,
    grid_color: vec4<f32>,
    // Outside the matrix, and cells that are not numbers.
    empty_color: vec4<f32>,
    mark_color: vec4<f32>,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
// R32Float, read by textureLoad: the GL backend gives a fragment shader no storage buffers.
@group(0) @binding(1) var values: texture_2d<f32>;

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    // One triangle that covers the viewport.
    let x = f32((index << 1u) & 2u);
    let y = f32(index & 2u);
    return vec4<f32>(x * 2.0 - 1.0, 1.0 - y * 2.0, 0.0, 1.0);
}

// Cividis (Nunez, Anderton, Renslow 2018) as a polynomial of degree five per channel.
fn cividis(value: f32) -> vec3<f32> {
    let t = clamp(value, 0.0, 1.0);
    let r = -4.54 - t * (35.34 - t * (2381.73 - t * (6402.7 - t * (7024.72 - t * 2710.57))));
    let g = 32.49 + t * (170.73 + t * (52.82 - t * (131.46 - t * (176.58 - t * 67.37))));
    let b = 81.24 + t * (442.36 - t * (2482.43 - t * (6167.24 - t * (6614.94 - t * 2475.67))));
    return clamp(vec3<f32>(r, g, b) / 255.0, vec3<f32>(0.0), vec3<f32>(1.0));
}

// From blue over light grey to vermilion, both of Okabe and Ito.
fn diverging(value: f32) -> vec3<f32> {
    let t = clamp(value, 0.0, 1.0) * 2.0 - 1.0;
    let middle = vec3<f32>(0.87, 0.87, 0.87);
    let low = vec3<f32>(0.0, 0.44705883, 0.69803923);
    let high = vec3<f32>(0.8352941, 0.36862746, 0.0);
    return mix(middle, select(high, low, t < 0.0), abs(t));
}

fn linear_from_gamma(color: vec3<f32>) -> vec3<f32> {
    let low = color / 12.92;
    let high = pow((color + 0.055) / 1.055, vec3<f32>(2.4));
    return select(high, low, color < vec3<f32>(0.04045));
}

// Written so that no compiler may assume it away as `value != value` could be.
fn is_number(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

fn color_at(pixel: vec2<f32>) -> vec4<f32> {
    let place = (pixel - u.origin) / u.cell;
    if place.x < 0.0 || place.y < 0.0 || place.x >= f32(u.columns) || place.y >= f32(u.rows) {
        return u.empty_color;
    }
    let column = u32(place.x);
    let row = u32(place.y);
    // Pixels from the left and upper edge of the cell.
    let inside = (place - floor(place)) * u.cell;
    if column == u.marked && (inside.x < 1.5 || u.cell.x - inside.x < 1.5) {
        return u.mark_color;
    }
    if inside.x < u.grid_width || inside.y < u.grid_width {
        return u.grid_color;
    }
    let texel = vec2<u32>(row + u.rows * (column / u.fold), column % u.fold);
    let value = textureLoad(values, texel, 0).r;
    if !is_number(value) {
        return u.empty_color;
    }
    let part = (value - u.low) / (u.high - u.low);
    if u.map == 1u {
        return vec4<f32>(diverging(part), 1.0);
    }
    return vec4<f32>(cividis(part), 1.0);
}

@fragment
fn fragment(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let color = color_at(position.xy);
    if u.linear_target == 1u {
        return vec4<f32>(linear_from_gamma(color.rgb), color.a);
    }
    return color;
}
