//! Every shader is valid WGSL, and its uniforms have the size of their Rust twin.

use std::path::Path;

use naga::valid::{Capabilities, ValidationFlags, Validator};

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
    let twins = [("heatmap", size_of::<paretoscope::gpu::Uniforms>())];
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
