//! Pointer and wheel, as a person uses them.
#![allow(dead_code, reason = "each test file uses its own part")]

use egui::{Event, Modifiers, MouseWheelUnit, PointerButton, Pos2, TouchPhase, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

/// Presses and releases the first button at a place.
pub(crate) fn click<S>(harness: &mut Harness<'_, S>, place: Pos2) {
    press_and_release(harness, place, 1);
}

/// Presses and releases twice, faster than any person.
pub(crate) fn double_click<S>(harness: &mut Harness<'_, S>, place: Pos2) {
    press_and_release(harness, place, 2);
}

fn press_and_release<S>(harness: &mut Harness<'_, S>, place: Pos2, times: usize) {
    harness.hover_at(place);
    harness.run_steps(3);
    for pressed in [true, false].repeat(times) {
        harness.event(Event::PointerButton {
            pos: place,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
    }
    harness.run_steps(1);
}

/// Turns the wheel by so many points.
pub(crate) fn wheel<S>(harness: &Harness<'_, S>, up: f32) {
    harness.event(Event::MouseWheel {
        unit: MouseWheelUnit::Point,
        delta: Vec2::new(0.0, up),
        phase: TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    });
}

/// The middle of a plot's frame.
pub(crate) fn plot_centre<S>(harness: &Harness<'_, S>, name: &str) -> Pos2 {
    harness.get_by_label(name).rect().center()
}
