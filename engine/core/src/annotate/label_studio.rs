//! Items and votes as Label Studio's JSON, both ways.
//!
//! A pair is a task with `data.prompt`, `data.left` and `data.right`; a decisive vote is a result of type `pairwise` under
//! the objective's name, a tie or "both bad" a result of type `choices` under `<objective>_tie`, a skip an annotation that
//! `was_cancelled`. What Label Studio has no field for stands in `meta`, which it ignores.

use serde_json::{Map, Value, json};

use super::ballot::Picked;
use crate::Problem;

/// A labelling configuration for these objectives, to be pasted into a new project.
pub fn configuration(objectives: &[String]) -> String {
    let plain = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;")
    };
    let mut xml = String::from(
        "<View>\n  <Text name=\"prompt\" value=\"$prompt\"/>\n  <Text name=\"left\" value=\"$left\"/>\n  <Text name=\"right\" value=\"$right\"/>\n",
    );
    for objective in objectives {
        let name = plain(objective);
        xml.push_str(&format!(
            "  <Header value=\"{name}\"/>\n  <Pairwise name=\"{name}\" toName=\"left,right\"/>\n  <Choices name=\"{name}_tie\" toName=\"prompt\">\n    <Choice value=\"tie\"/>\n    <Choice value=\"bad\"/>\n  </Choices>\n"
        ));
    }
    xml.push_str("</View>\n");
    xml
}

/// A vote on a pair, its sides in the order of the pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignVote {
    /// Who voted.
    pub person: String,
    /// By what; empty for a skip.
    pub objective: String,
    /// What.
    pub picked: Picked,
    /// The vote's name in every file, where it was one of a study.
    pub uid: Option<String>,
    /// The sides in the order in which they were shown, where that is known.
    pub order: Option<Vec<usize>>,
    /// Whether it was a second look.
    pub repeat: bool,
    /// How long it was looked at.
    pub active_ms: u64,
    /// What was written.
    pub comment: Option<String>,
}

/// A pair with its votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignPair {
    /// The item's name in every file, where it is one of a study.
    pub item: Option<String>,
    /// What was asked.
    pub prompt: String,
    /// The answers.
    pub texts: [String; 2],
    /// What made them, where that is said.
    pub names: Option<[String; 2]>,
    /// The votes.
    pub votes: Vec<ForeignVote>,
}

/// Pairs as Label Studio's tasks; with votes they are annotated.
pub fn to_label_studio(pairs: &[ForeignPair]) -> Value {
    pairs
        .iter()
        .enumerate()
        .map(|(at, pair)| task(at + 1, pair))
        .collect()
}

fn task(id: usize, pair: &ForeignPair) -> Value {
    let mut data = json!({"prompt": pair.prompt, "left": pair.texts[0], "right": pair.texts[1]});
    if let (Some(item), Some(data)) = (&pair.item, data.as_object_mut()) {
        data.insert("item".to_owned(), json!(item));
    }
    let mut task = json!({"id": id, "data": data});
    let mut looks: Vec<(&str, bool)> = pair.votes.iter().map(|v| (&*v.person, v.repeat)).collect();
    looks.dedup();
    let mut seen = std::collections::HashSet::new();
    looks.retain(|look| seen.insert(*look));
    let annotations: Vec<Value> = looks
        .into_iter()
        .map(|look| {
            let votes: Vec<&ForeignVote> = pair
                .votes
                .iter()
                .filter(|vote| (&*vote.person, vote.repeat) == look)
                .collect();
            annotation(&votes)
        })
        .collect();
    if let (false, Some(task)) = (annotations.is_empty(), task.as_object_mut()) {
        task.insert("annotations".to_owned(), Value::Array(annotations));
    }
    task
}

/// One person's votes on one look.
fn annotation(votes: &[&ForeignVote]) -> Value {
    let mut results = Vec::new();
    let mut uids = Map::new();
    for vote in votes {
        if let Some(uid) = &vote.uid {
            uids.insert(vote.objective.clone(), json!(uid));
        }
        let objective = &vote.objective;
        match vote.picked {
            Picked::Left | Picked::Right => results.push(json!({
                "type": "pairwise", "from_name": objective, "to_name": "left,right",
                "value": {"selected": vote.picked.to_string()}
            })),
            Picked::Tie | Picked::Bad => results.push(json!({
                "type": "choices", "from_name": format!("{objective}_tie"), "to_name": "prompt",
                "value": {"choices": [vote.picked.to_string()]}
            })),
            _ => {}
        }
    }
    let first = votes.first();
    json!({
        "was_cancelled": votes.iter().all(|vote| vote.picked == Picked::Skip),
        "lead_time": first.map_or(0.0, |vote| vote.active_ms as f64 / 1000.0),
        "result": results,
        "meta": {
            "annotator": first.map(|vote| &vote.person),
            "order": first.and_then(|vote| vote.order.as_ref()),
            "repeat": first.is_some_and(|vote| vote.repeat),
            "comment": votes.iter().find_map(|vote| vote.comment.as_ref()),
            "votes": uids,
        },
    })
}

/// Reads what Label Studio exports as JSON. Tasks without a pair of texts are refused by their place; annotations of other
/// kinds of tags are not read.
pub fn from_label_studio(text: &str) -> Result<Vec<ForeignPair>, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let whole: Value = serde_json::from_str(text).map_err(|e| Problem::format("JSON", e))?;
    let Value::Array(tasks) = whole else {
        return Err("is no list of tasks; export from Label Studio as JSON".into());
    };
    tasks
        .iter()
        .enumerate()
        .map(|(at, task)| pair(at, task))
        .collect()
}

fn pair(at: usize, task: &Value) -> Result<ForeignPair, Problem> {
    let data = &task["data"];
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|n| data[*n].as_str())
            .map(str::to_owned)
    };
    let needed = |names: &[&str]| {
        text(names).ok_or_else(|| {
            let problem = format!(
                "task {} has no text in data.{}; a pair has data.prompt, data.left and data.right",
                at + 1,
                names.join(" or data.")
            );
            Problem::Other(problem)
        })
    };
    let texts = [
        needed(&["left", "answer1", "response1", "text1", "response_a"])?,
        needed(&["right", "answer2", "response2", "text2", "response_b"])?,
    ];
    let names = text(&["left_model", "model_left", "model1", "model_a"])
        .zip(text(&["right_model", "model_right", "model2", "model_b"]))
        .map(|(left, right)| [left, right]);
    let mut votes = Vec::new();
    for annotation in task["annotations"].as_array().into_iter().flatten() {
        read_annotation(annotation, &mut votes);
    }
    Ok(ForeignPair {
        item: text(&["item"]),
        prompt: needed(&["prompt", "question", "instruction"])?,
        texts,
        names,
        votes,
    })
}

fn read_annotation(annotation: &Value, votes: &mut Vec<ForeignVote>) {
    let meta = &annotation["meta"];
    let by = &annotation["completed_by"];
    let person = match (
        meta["annotator"].as_str(),
        by.as_i64().or(by["id"].as_i64()),
    ) {
        (Some(alias), _) => alias.to_owned(),
        (None, Some(id)) => format!("label studio {id}"),
        (None, None) => "label studio".to_owned(),
    };
    let order = meta["order"].as_array().map(|order| {
        let place = |value: &Value| value.as_u64().and_then(|v| usize::try_from(v).ok());
        order.iter().filter_map(place).collect::<Vec<usize>>()
    });
    let vote = |objective: &str, picked: Picked| ForeignVote {
        person: person.clone(),
        objective: objective.to_owned(),
        picked,
        uid: meta["votes"][objective].as_str().map(str::to_owned),
        order: order
            .clone()
            .filter(|order| order[..] == [0, 1] || order[..] == [1, 0]),
        repeat: meta["repeat"].as_bool().unwrap_or(false),
        active_ms: (annotation["lead_time"].as_f64().unwrap_or(0.0).max(0.0) * 1000.0) as u64,
        comment: meta["comment"].as_str().map(str::to_owned),
    };
    if annotation["was_cancelled"].as_bool() == Some(true) {
        let named: Vec<&String> = meta["votes"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .collect();
        if named.is_empty() {
            votes.push(vote("", Picked::Skip));
        }
        votes.extend(
            named
                .into_iter()
                .map(|objective| vote(objective, Picked::Skip)),
        );
        return;
    }
    let mut found: Vec<ForeignVote> = Vec::new();
    let mut put = |new: ForeignVote, over: bool| match found
        .iter_mut()
        .find(|v| v.objective == new.objective)
    {
        Some(old) if over => *old = new,
        Some(_) => {}
        None => found.push(new),
    };
    for result in annotation["result"].as_array().into_iter().flatten() {
        let name = result["from_name"].as_str().unwrap_or("");
        match result["type"].as_str() {
            Some("pairwise") => match result["value"]["selected"].as_str() {
                Some("left") => put(vote(name, Picked::Left), false),
                Some("right") => put(vote(name, Picked::Right), false),
                _ => {}
            },
            Some("choices") => {
                let choice = result["value"]["choices"][0]
                    .as_str()
                    .unwrap_or("")
                    .to_lowercase();
                let has = |words: &[&str]| words.iter().any(|word| choice.contains(word));
                let objective = name.strip_suffix("_tie").unwrap_or(name);
                if has(&["bad", "neither"]) {
                    put(vote(objective, Picked::Bad), true);
                } else if has(&["tie", "equal", "same"]) {
                    put(vote(objective, Picked::Tie), true);
                } else if choice == "left" {
                    put(vote(objective, Picked::Left), false);
                } else if choice == "right" {
                    put(vote(objective, Picked::Right), false);
                }
            }
            _ => {}
        }
    }
    // Objectives that were skipped among others that were not.
    for objective in meta["votes"].as_object().into_iter().flat_map(Map::keys) {
        if !found.iter().any(|vote| vote.objective == *objective) {
            found.push(vote(objective, Picked::Skip));
        }
    }
    votes.extend(found);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(person: &str, objective: &str, picked: Picked) -> ForeignVote {
        ForeignVote {
            person: person.to_owned(),
            objective: objective.to_owned(),
            picked,
            uid: Some(format!("{person}{objective}")),
            order: Some(vec![1, 0]),
            repeat: false,
            active_ms: 1500,
            comment: None,
        }
    }

    #[test]
    fn pairs_come_back_as_they_went() {
        let pair = ForeignPair {
            item: Some("i".to_owned()),
            prompt: "p".to_owned(),
            texts: ["a".to_owned(), "b".to_owned()],
            names: None,
            votes: vec![
                vote("A1", "humor", Picked::Left),
                vote("A1", "help", Picked::Bad),
                vote("A2", "humor", Picked::Tie),
                vote("A3", "help", Picked::Skip),
                vote("A3", "humor", Picked::Skip),
                vote("A4", "humor", Picked::Right),
                vote("A4", "help", Picked::Skip),
            ],
        };
        let json = to_label_studio(std::slice::from_ref(&pair));
        assert_eq!(json[0]["annotations"][2]["was_cancelled"], true);
        assert_eq!(
            json[0]["annotations"][0]["result"][1]["value"]["choices"][0],
            "bad"
        );
        assert_eq!(from_label_studio(&json.to_string()).unwrap(), [pair]);
    }

    #[test]
    fn what_label_studio_exports_is_read() {
        let text = r#"[{"id": 3, "data": {"prompt": "p", "left": "a", "right": "b"}, "annotations": [
            {"id": 1, "completed_by": {"id": 7, "email": "x@y"}, "was_cancelled": false, "lead_time": 2.5, "result": [
                {"id": "q", "type": "pairwise", "from_name": "better", "to_name": "left,right", "value": {"selected": "right"}}]},
            {"id": 2, "completed_by": 8, "was_cancelled": false, "result": [
                {"type": "pairwise", "from_name": "better", "value": {"selected": "left"}},
                {"type": "choices", "from_name": "better_tie", "value": {"choices": ["Tie"]}},
                {"type": "rating", "from_name": "stars", "value": {"rating": 4}}]},
            {"id": 9, "completed_by": 8, "was_cancelled": true, "result": []}]}]"#;
        let pairs = from_label_studio(text).unwrap();
        let said: Vec<(&str, &Picked)> = pairs[0]
            .votes
            .iter()
            .map(|v| (&*v.person, &v.picked))
            .collect();
        assert_eq!(
            said,
            [
                ("label studio 7", &Picked::Right),
                ("label studio 8", &Picked::Tie),
                ("label studio 8", &Picked::Skip)
            ]
        );
        assert_eq!(pairs[0].votes[0].active_ms, 2500);
        assert!(!text.is_empty() && !format!("{pairs:?}").contains("x@y"));
        for (wrong, want) in [
            ("{", "is not JSON"),
            ("{}", "is no list"),
            (
                r#"[{"data": {"prompt": "p", "left": "a"}}]"#,
                "task 1 has no text in data.right",
            ),
        ] {
            let words = from_label_studio(wrong).unwrap_err().to_string();
            assert!(words.contains(want), "{words}");
        }
    }

    #[test]
    fn a_configuration_names_every_objective() {
        let xml = configuration(&["a<b".to_owned(), "humor".to_owned()]);
        assert!(
            xml.contains("name=\"a&lt;b\"") && xml.contains("humor_tie"),
            "{xml}"
        );
    }
}
