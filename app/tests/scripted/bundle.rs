//! The scripted engine's bundle: four LoRA experts and a router over three objectives.

use std::path::PathBuf;

use paretoscope_core::types::{
    AdapterInfo, BundleIdentity, BundleInfo, Channel, Compared, Expert, ExpertKind, Given,
    GivenToken, Interference, Measure, Message, ModelInfo, Mutes, ObjectiveInfo, PairInterference,
    Point, Preference, Prompt, PromptSample, Reference, Split, TrainStep,
};

const OBJECTIVES: [&str; 3] = ["helpful", "harmless", "humor"];
const LAYERS: usize = 6;
const VOCABULARY: u32 = 2048;

fn adapter(name: &str, rank: usize) -> AdapterInfo {
    AdapterInfo {
        name: name.into(),
        path: PathBuf::from(format!("experts/{name}")),
        rank,
        matched: 7 * LAYERS,
        modules: 7 * LAYERS,
        bytes: 1_240_000,
        digest: "a1b2c3d4".repeat(8),
        effect: (rank > 0).then_some(3.21),
    }
}

/// The bundle.
pub(crate) fn info() -> BundleInfo {
    let stands: [(&str, ExpertKind, [f64; 3]); 5] = [
        ("helpful", ExpertKind::Lora, [1.0, 0.0, 0.0]),
        ("harmless", ExpertKind::Lora, [0.0, 1.0, 0.0]),
        ("humor", ExpertKind::Lora, [0.0, 0.0, 1.0]),
        ("balanced", ExpertKind::Lora, [1.0, 1.0, 1.0]),
        ("1-1-2", ExpertKind::Router, [0.25, 0.25, 0.5]),
    ];
    let modules = ["self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"];
    let experts = stands.iter().map(|(name, kind, at)| Expert {
        kind: *kind,
        name: (*name).into(),
        preference: Preference::new(at.to_vec()).expect("places on the simplex"),
    });
    BundleInfo {
        name: "scripted".into(),
        path: PathBuf::from("/bundles/scripted"),
        identity: BundleIdentity {
            rewards: OBJECTIVES
                .map(|name| Some(format!("reward of {name}")))
                .to_vec(),
            ..BundleIdentity::default()
        },
        model: ModelInfo {
            layers: LAYERS,
            hidden_size: 192,
            vocabulary: VOCABULARY as usize,
            context: 512,
            parameters: 3_440_000,
            dtype: "f32".into(),
            device: "CPU, 2 cores".into(),
            fallback: None,
            digest: "0123456789abcdef".repeat(4),
            has_tokenizer: true,
            has_chat_template: true,
        },
        objectives: OBJECTIVES
            .iter()
            .map(|name| ObjectiveInfo {
                name: (*name).into(),
                reward: Some(PathBuf::from(format!("rewards/{name}"))),
                reward_kind: Some("llama, 1 output".into()),
                reading: Some("no preset, raw".into()),
                sign: 1.0,
            })
            .collect(),
        expert_files: stands
            .iter()
            .map(|(n, k, _)| adapter(n, if *k == ExpertKind::Lora { 16 } else { 0 }))
            .collect(),
        experts: experts.collect(),
        values: OBJECTIVES.iter().map(|name| adapter(name, 16)).collect(),
        values_are_experts: true,
        value_adapters: vec![0, 1, 2],
        adapters: stands
            .iter()
            .take(4)
            .map(|(name, ..)| (*name).to_owned())
            .collect(),
        sites: (0..LAYERS)
            .flat_map(|l| modules.iter().map(move |m| format!("model.layers.{l}.{m}")))
            .collect(),
        prompts: [
            ("Leaking tap", "How do I fix a leaking kitchen tap?"),
            ("Old bread", "What can I do with old bread?"),
            ("Ladder", "How do I clean the gutters with a ladder?"),
            ("Wet shoes", "How do I dry wet shoes fast?"),
        ]
        .iter()
        .map(|(title, text)| PromptSample {
            title: (*title).into(),
            prompt: Prompt::Chat((*text).into()),
            split: Split::Train,
            group: None,
            reference: Reference::default(),
        })
        .collect(),
        warnings: Vec::new(),
        methods: Vec::new(),
        demonstration: Some("a script that plays fixed words; it knows nothing.".into()),
        memory_bytes: 15_000_000,
    }
}

/// What is said at a point, word by word, each with its space.
pub(crate) fn words(point: &Point, seed: u64) -> Vec<String> {
    let texts = [
        "Turn the water off under the sink first. Then unscrew the handle, take the old washer out and \
         press a new one of the same size in. Put all back together and open the valve slowly.",
        "Please take care: close the valve before you touch the tap, and keep the floor dry so that nobody \
         slips. If a screw does not move with gentle force, leave it and ask a plumber instead.",
        "Congratulations, your tap has started a band: drip, drip, drop. Close the valve to end the concert, \
         swap the washer, and ask for your money back at the door.",
    ];
    let values = point.as_slice();
    let top = (0..values.len().min(3))
        .max_by(|a, b| values[*a].total_cmp(&values[*b]))
        .unwrap_or(0);
    let mut words: Vec<String> = texts[top].split_inclusive(' ').map(str::to_owned).collect();
    words.push(format!(" (Answer {seed}.)"));
    words
}

/// What a prompt that begins with `say:` is answered with: the rest of it, word by word.
pub(crate) fn said(prompt: &Prompt) -> Option<Vec<String>> {
    let said = prompt.words()?.strip_prefix("say:")?;
    Some(said.split_inclusive(' ').map(str::to_owned).collect())
}

/// Gates `[sites, adapters]` of one token.
pub(crate) fn gates(info: &BundleInfo, point: &Point, mutes: &Mutes, token: usize) -> Vec<f32> {
    let values = point.as_slice();
    let mut gates = Vec::new();
    for site in 0..info.sites.len() {
        let wave = 0.15 * ((token as f32 * 0.7 + site as f32 * 0.3).sin());
        let raw: Vec<f32> = (0..info.adapters.len())
            .map(|a| match values.get(a) {
                Some(v) => (*v as f32 * 0.8 + wave * (a as f32 - 1.0)).max(0.01),
                None => 0.15,
            })
            .collect();
        let sum: f32 = raw.iter().sum();
        gates.extend(raw.iter().enumerate().map(|(a, g)| {
            if mutes.silences(Channel::Adapter(a)) {
                0.0
            } else {
                g / sum
            }
        }));
    }
    gates
}

/// Scores with a true trade-off: a curved front, and the base model behind it.
pub(crate) fn scores(point: &Point) -> Vec<f64> {
    let values = point.as_slice();
    (0..3)
        .map(|i| {
            let own = values.get(i).copied().unwrap_or(0.0);
            let shake =
                0.05 * ((own * 37.0 + i as f64 * 11.0 + values.iter().sum::<f64>() * 5.0).sin());
            2.4 * own.max(0.0).sqrt() - 1.2 + shake
        })
        .collect()
}

/// A step of a training run that goes well.
pub(crate) fn train_step(step: usize, steps: usize) -> TrainStep {
    let (way, shake) = (step as f64 / steps as f64, (step as f64 * 1.7).sin());
    let rewards = OBJECTIVES.iter().enumerate().map(|(i, name)| {
        let reward = way * (1.0 - 0.4 * i as f64) + 0.05 * shake;
        (format!("reward.{name}"), reward)
    });
    let mut figures: std::collections::BTreeMap<String, f64> = rewards.collect();
    figures.insert("margin".to_owned(), 0.8 * way + 0.04 * shake);
    figures.insert("accuracy".to_owned(), 0.5 + 0.4 * way);
    figures.insert("cosine.helpful".to_owned(), 0.2 - 0.15 * way);
    TrainStep {
        step,
        steps,
        epoch: 0,
        tokens: 730,
        loss: 0.69 - 0.3 * way + 0.02 * shake,
        learning_rate: 5e-4 * (1.0 - way),
        gradient_norm: 1.2 + 0.1 * shake,
        tokens_per_second: 1830.0,
        eta_seconds: (steps - step) as f64 * 0.4,
        figures,
    }
}

/// What a model with `<|role|>` turns would be given: the marks are special tokens, the words one token each.
pub(crate) fn given(prompt: &Prompt) -> Result<Given, String> {
    let turns = match prompt {
        Prompt::Chat(text) | Prompt::Text(text) => vec![Message::user(text.clone())],
        Prompt::Messages(turns) => turns.clone(),
        Prompt::Tokens(ids) => vec![Message::user(format!("{ids:?}"))],
    };
    if turns.iter().any(|turn| turn.content.contains("{broken}")) {
        return Err("chat template, line 3: `messages[0].name` is not defined".into());
    }
    if let Prompt::Tokens(ids) = prompt
        && let Some(id) = ids.iter().find(|id| **id >= VOCABULARY)
    {
        return Err(format!("token id {id}: the vocabulary has {VOCABULARY}"));
    }
    let mut tokens = Vec::new();
    let mut push = |text: String, special| {
        let id = 1000 + tokens.len() as u32;
        tokens.push(GivenToken { id, text, special });
    };
    for turn in &turns {
        push(format!("<|{}|>", turn.role), true);
        for word in turn.content.split_inclusive(' ') {
            push(word.to_owned(), false);
        }
    }
    push("<|assistant|>".into(), true);
    let text = tokens.iter().map(|token| token.text.as_str()).collect();
    Ok(Given { text, tokens })
}

/// Every pair of experts or value vectors, with a wave over the layers.
pub(crate) fn interference(
    info: &BundleInfo,
    compared: Compared,
    measure: Measure,
) -> Interference {
    let names: Vec<String> = match compared {
        Compared::Experts => info.adapters.clone(),
        Compared::Values => info.values.iter().map(|v| v.name.clone()).collect(),
    };
    let pair = |a: usize, b: usize| {
        let at = |layer: usize| 0.4 * ((a * 5 + b * 3 + layer) as f64).sin();
        PairInterference {
            pair: (a, b),
            total: at(LAYERS),
            layers: (0..LAYERS).map(|layer| Some(at(layer))).collect(),
            chance: None,
        }
    };
    let all = (0..names.len()).flat_map(|a| (a + 1..names.len()).map(move |b| (a, b)));
    Interference {
        compared,
        measure,
        pairs: all.map(|(a, b)| pair(a, b)).collect(),
        names,
    }
}

/// A line of a file of prompts.
pub(crate) fn sample(text: &str, split: Split, group: Option<&str>) -> PromptSample {
    PromptSample {
        title: text.to_owned(),
        prompt: Prompt::Text(text.to_owned()),
        split,
        group: group.map(str::to_owned),
        reference: Reference::default(),
    }
}
