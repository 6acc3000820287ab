#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    paretoscope_fuzz::target::gguf(data);
});
