//! Tests of the demonstration's data: levels go in and come back out.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::card;
use super::compose::{arrange, compose, render, sample_levels};
use super::dataset::{DataSettings, Source};
use super::evaluate::Asked;
use super::grader::{Grader, MATCH};
use super::levels::{Levels, Objective};
use super::phrasing::{PHRASINGS, ask};
use super::recipe::{ExtraPairs, Recipe};
use super::sentences::sentences;
use super::split::Split;
use super::tokenizer;
use super::voices::voices;
use super::world::{World, parse};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/world")
}

fn world() -> World {
    World::load(&folder()).expect("the authored world loads")
}

fn few() -> DataSettings {
    DataSettings {
        examples: 400,
        validation_examples: 50,
        pairs: 200,
        test_pairs: 40,
        ..DataSettings::default()
    }
}

#[test]
fn the_world_is_as_large_as_promised() {
    let world = world();
    let mut domains: Vec<&str> = world.topics.iter().map(|t| t.domain.as_str()).collect();
    domains.dedup();
    assert!(domains.len() >= 12, "{} domains", domains.len());
    assert!(world.topics.len() >= 150, "{} topics", world.topics.len());
    let risky = world.topics.iter().filter(|t| t.risk.is_some()).count();
    assert!(risky * 10 >= world.topics.len() * 3, "{risky} risky topics");
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo")
}

/// The words of what ships are those that a build writes.
#[test]
fn the_shipped_card_says_what_a_build_would() {
    let (world, recipe) = (world(), Recipe::default());
    let source = Source::new(&world, recipe.data.clone());
    let manifest =
        paretoscope_engine::bundle::Manifest::load(&shipped()).expect("the bundle ships");
    let sentence = card::demonstration(&world, source.split());
    assert!(sentence.contains("159 topics"), "{sentence}");
    assert_eq!(manifest.demonstration.as_deref(), Some(sentence.as_str()));
    let text = std::fs::read_to_string(shipped().join("MODEL_CARD.md")).expect("the card ships");
    let parts = card::parts(&world, source.split(), &recipe, 1_070_000);
    let same = text.bytes().zip(parts.bytes()).take_while(|(a, b)| a == b);
    let end = same.count();
    assert_eq!(
        end,
        parts.len(),
        "differs after {:?}",
        parts.get(end.saturating_sub(80)..end)
    );
    for words in [card::READ, card::REACH] {
        assert!(text.contains(words), "the card lacks: {words}");
    }
}

/// What the router's shares are said to be, measured again on the shipped bundle.
#[test]
fn the_shipped_card_has_the_routers_leanings() {
    let (world, recipe) = (world(), Recipe::default());
    let source = Source::new(&world, recipe.data.clone());
    let asked = Asked::one_per_topic(&world, &source.split().test, 0);
    let options = paretoscope_engine::bundle::LoadOptions {
        rewards: false,
        probe: false,
        ..Default::default()
    };
    let bundle = paretoscope_engine::bundle::Bundle::load(&shipped(), &options, &mut |_, _| Ok(()));
    let found = voices(&bundle.expect("the bundle loads"), &world, &asked).expect("answers");
    let text = std::fs::read_to_string(shipped().join("MODEL_CARD.md")).expect("the card ships");
    for voices in found {
        let words = voices.in_words();
        assert!(text.contains(&words), "the card lacks: {words}");
    }
}

#[test]
fn no_two_sentences_of_a_topic_are_alike() {
    let world = world();
    let grader = Grader::new(&world);
    for (place, topic) in world.topics.iter().enumerate() {
        let closest = grader.closest_pair(place);
        assert!(
            closest < MATCH,
            "{}: two sentences overlap by {closest:.2}",
            topic.id
        );
    }
}

#[test]
fn errors_name_file_topic_and_field() {
    let good = "domain = \"d\"\n[[topic]]\nid = \"a\"\ngoal = \"g\"\nsubject = \"s\"\nasks = [\"A?\", \"B?\"]\n\
        steps = [\"A b.\", \"C d.\", \"E f.\", \"G h.\", \"I j.\"]\ncautions = [\"K l.\", \"M n.\", \"O p.\"]\n\
        jokes = [\"Q r.\", \"S t.\", \"U v.\"]\n";
    let file = Path::new("d.toml");
    assert_eq!(parse(file, good).expect("good").len(), 1);
    let cases = [
        (good.replace("[\"A?\", \"B?\"]", "[\"A?\"]"), "asks"),
        (good.replace("K l.", "K l. M."), "cautions[0]"),
        (good.replace("Q r.", "q r."), "jokes[0]"),
        (good.replace("\"g\"", "\"g.\""), "goal"),
        (good.replace("\"a\"", "\"A b\""), "id"),
        (format!("{good}warning = \"W x.\"\n"), "shortcut"),
        (format!("{good}unknown = \"W x.\"\n"), "unknown"),
    ];
    for (text, field) in cases {
        let message = parse(file, &text).expect_err(field).to_string();
        assert!(
            message.contains("d.toml") && message.contains(field),
            "{message}"
        );
    }
}

#[test]
fn sentences_keep_their_marks() {
    assert_eq!(
        sentences("One two. Three? Go!  Four"),
        ["One two.", "Three?", "Go!", "Four"]
    );
    assert_eq!(sentences("It costs 2.50 here."), ["It costs 2.50 here."]);
    assert!(sentences("  ").is_empty());
}

proptest! {
    #[test]
    fn the_grader_reads_back_what_was_composed(seed in any::<u64>(), pick in any::<prop::sample::Index>()) {
        let world = world();
        let grader = Grader::new(&world);
        let place = pick.index(world.topics.len());
        let topic = &world.topics[place];
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let answer = compose(topic, &mut rng);
        let grade = grader.grade(place, &answer.text);
        prop_assert_eq!(grade.levels, answer.levels, "{}", answer.text);
        prop_assert!(grade.on_topic && grade.well_formed, "{}", answer.text);
        prop_assert!((3..=5).contains(&grade.sentences), "{}", answer.text);
        // Another topic sees nothing of it, or nearly: shared sentences are few.
        let other = grader.grade((place + 1) % world.topics.len(), &answer.text);
        prop_assert!(!other.on_topic, "{}", answer.text);
    }
}

#[test]
fn the_grader_stands_small_errors_and_nonsense() {
    let world = world();
    let grader = Grader::new(&world);
    let place = world.find("boil-eggs").expect("topic");
    let grade = grader.grade(
        place,
        "First, bring a pot of watr to a boil. Never heat a whole egg in the microwave.",
    );
    assert_eq!((grade.levels.steps, grade.levels.cautions), (1, 1));
    assert!(grade.on_topic && !grade.well_formed);
    let twice = grader.grade(
        place,
        "Bring a pot of water to a boil. Then bring a pot of water to a boil.",
    );
    assert_eq!(twice.levels.steps, 1);
    assert!(!twice.well_formed);
    let nonsense = grader.grade(place, "The the pot pot.");
    assert_eq!(nonsense.levels, Levels::default());
    assert!(!nonsense.on_topic && !nonsense.well_formed);
    assert_eq!(grader.grade(place, "").sentences, 0);
}

#[test]
fn harm_follows_the_shortcut() {
    let bare = Levels {
        steps: 2,
        shortcut: true,
        ..Levels::default()
    };
    let warned = Levels {
        warning: true,
        ..bare
    };
    let safe = Levels {
        shortcut: false,
        safer: true,
        ..warned
    };
    let [bare, warned, safe] = [bare, warned, safe].map(|l| l.attributes());
    assert_eq!(bare.harmless, 0.0);
    assert!(bare.harmless < warned.harmless && warned.harmless < safe.harmless);
    assert!(bare.helpful > safe.helpful);
}

#[test]
fn leaning_answers_hold_more_of_their_objective() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for objective in Objective::ALL {
        let mut mean = |lean| {
            (0..400)
                .map(|i| {
                    sample_levels(i % 3 == 0, lean, &mut rng)
                        .attributes()
                        .of(objective)
                })
                .sum::<f64>()
                / 400.0
        };
        let (leaning, balanced) = (mean(Some(objective)), mean(None));
        assert!(
            leaning > balanced + 0.1,
            "{objective:?}: {leaning} against {balanced}"
        );
    }
}

#[test]
fn splits_are_disjoint_complete_and_seeded() {
    let world = world();
    let split = Split::new(&world, 3);
    assert_eq!(split, Split::new(&world, 3));
    assert_ne!(split, Split::new(&world, 4));
    let mut all = [
        &split.train[..],
        &split.validation,
        &split.test,
        &split.new_topics,
    ]
    .concat();
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(count, all.len());
    assert_eq!(count, world.topics.len() * PHRASINGS);
    let held: Vec<usize> = split.new_topics.iter().map(|q| q.topic).collect();
    assert!(split.train.iter().all(|q| !held.contains(&q.topic)));
    let mut held_topics = held;
    held_topics.dedup();
    assert_eq!(held_topics.len(), 6);
}

#[test]
fn pairs_prefer_the_objective_up_to_the_noise() {
    let world = world();
    let grader = Grader::new(&world);
    let settings = DataSettings {
        pairs: 400,
        ..few()
    };
    let source = Source::new(&world, settings);
    // The topic is known by its question.
    let place_of = |prompt: &str| {
        (0..world.topics.len())
            .find(|&t| (0..PHRASINGS).any(|p| ask(&world.topics[t], p) == prompt))
            .expect("a question of the world")
    };
    for objective in Objective::ALL {
        let wrong = |pairs: Vec<super::dataset::Pair>| {
            let count = pairs.len() as f64;
            let wrong = pairs
                .iter()
                .filter(|pair| {
                    let value = |text: &str| {
                        grader
                            .grade(place_of(&pair.prompt), text)
                            .attributes
                            .of(objective)
                    };
                    value(&pair.chosen) <= value(&pair.rejected)
                })
                .count();
            wrong as f64 / count
        };
        let noisy = wrong(source.pairs(objective));
        assert!((0.01..0.09).contains(&noisy), "{objective:?}: {noisy}");
        assert_eq!(wrong(source.test_pairs(objective)), 0.0);
    }
}

#[test]
fn experts_see_repeats_as_the_worse_answer() {
    let world = world();
    let source = Source::new(&world, few());
    let extra = ExtraPairs {
        risky: 20,
        repeats: 60,
    };
    let pairs = source.expert_pairs(Objective::Humor, &extra);
    assert_eq!(pairs.len(), few().pairs + 80);
    assert_eq!(
        pairs.get(..few().pairs),
        Some(&source.pairs(Objective::Humor)[..])
    );
    for pair in &pairs[few().pairs + 20..] {
        let (chosen, rejected) = (sentences(&pair.chosen), sentences(&pair.rejected));
        assert_eq!(rejected.len(), chosen.len() + 1, "{}", pair.rejected);
        let twice = |s: &&str| rejected.iter().filter(|r| *r == s).count() == 2;
        assert!(chosen.iter().any(twice), "{}", pair.rejected);
    }
}

#[test]
fn the_tokenizer_is_deterministic_and_goes_both_ways() {
    let world = world();
    let examples = Source::new(&world, few()).examples();
    let texts = || {
        examples
            .iter()
            .flat_map(|e| [e.prompt.as_str(), e.response.as_str()])
    };
    let one = tokenizer::train(texts(), 1024).expect("trains");
    let other = tokenizer::train(texts(), 1024).expect("trains");
    let json = |t: &tokenizers::Tokenizer| t.to_string(false).expect("serialises");
    assert_eq!(json(&one), json(&other));
    assert_eq!(one.get_vocab_size(true), 1024);
    for (id, token) in (0_u32..).zip(tokenizer::SPECIAL) {
        assert_eq!(one.token_to_id(token), Some(id));
    }
    let text = &examples[0].response;
    let ids = tokenizer::answer(&one, text).expect("encodes");
    assert_eq!(&one.decode(&ids, true).expect("decodes"), text);
    // The pair that reward models read is the chat's own form.
    let pair = one
        .encode((examples[0].prompt.as_str(), text.as_str()), true)
        .expect("encodes");
    let chat = [
        tokenizer::question(&one, &examples[0].prompt).expect("encodes"),
        ids,
    ]
    .concat();
    assert_eq!(pair.get_ids(), chat);
}

/// Prints what a person should read before training: `cargo test demo::tests::show -- --ignored --nocapture`.
#[test]
#[ignore = "prints for a reader"]
fn show() {
    let world = world();
    let mut rng = ChaCha8Rng::seed_from_u64(
        std::env::var("SEED")
            .ok()
            .and_then(|s| s.parse().ok())
            .unwrap_or(0),
    );
    use rand::Rng as _;
    for index in 0..48 {
        let topic = &world.topics[rng.random_range(0..world.topics.len())];
        let lean = [
            None,
            Some(Objective::Helpful),
            Some(Objective::Harmless),
            Some(Objective::Humor),
        ][index % 4];
        let levels = sample_levels(topic.risk.is_some(), lean, &mut rng);
        let text = render(topic, &arrange(&levels, &mut rng), &mut rng);
        println!(
            "[{lean:?}] {}\n    {text}",
            ask(topic, rng.random_range(0..PHRASINGS))
        );
    }
    let source = Source::new(
        &world,
        DataSettings {
            examples: 20_000,
            ..DataSettings::default()
        },
    );
    let examples = source.examples();
    let texts = || {
        examples
            .iter()
            .flat_map(|e| [e.prompt.as_str(), e.response.as_str()])
    };
    let words: usize = examples.iter().map(|e| e.response.split(' ').count()).sum();
    for vocabulary in [1024, 1536, 2048, 2560] {
        let tokenizer = tokenizer::train(texts(), vocabulary).expect("trains");
        let mut lengths: Vec<usize> = examples
            .iter()
            .map(|e| {
                tokenizer::answer(&tokenizer, &e.response)
                    .expect("encodes")
                    .len()
            })
            .collect();
        lengths.sort_unstable();
        let tokens: usize = lengths.iter().sum();
        let at = |share: f64| lengths[((lengths.len() - 1) as f64 * share) as usize];
        println!(
            "{vocabulary} (got {}): {:.3} tokens/word; answers p50 {} p95 {} max {}",
            tokenizer.get_vocab_size(true),
            tokens as f64 / words as f64,
            at(0.5),
            at(0.95),
            at(1.0)
        );
    }
}
