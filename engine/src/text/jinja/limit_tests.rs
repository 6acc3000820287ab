//! No template hangs, fills memory or ends the program.

use std::time::{Duration, Instant};

use super::Template;

/// What a template fails with; its time is bounded.
fn failure(source: &str) -> String {
    let start = Instant::now();
    let words = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(64 << 20)
            .spawn_scoped(scope, || match Template::parse(source) {
                Err(words) => words,
                Ok(template) => match template.render([], (0, 0)) {
                    Ok(text) => format!("no failure: {} bytes", text.len()),
                    Err(failure) => failure.to_string(),
                },
            });
        thread.unwrap().join().unwrap()
    });
    let taken = start.elapsed();
    let head: String = source.chars().take(200).collect();
    assert!(!words.starts_with("no failure"), "{words}: {head}");
    assert!(taken < Duration::from_secs(20), "{taken:?}: {head}");
    words
}

/// `head`, then `line` so many times.
fn lines(head: &str, line: &str, count: usize) -> String {
    format!("{head}{}", line.repeat(count))
}

#[test]
fn values_that_double_are_refused_before_they_fill_memory() {
    let long = "{% set x = 'x' * 1000000 %}";
    let list = "{% set l = range(99999) | list %}";
    let sources = [
        lines("{% set s = 'aaaaaaaaaa' %}", "{% set s = s ~ s %}", 60),
        lines("{% set s = 'aaaaaaaaaa' %}", "{% set s = s + s %}", 60),
        lines("{% set s = 'aaaaaaaaaa' %}", "{% set s = [s, s] | join %}", 60),
        lines("{% set s = 'aaaaaaaaaa' %}", "{% set s = s.replace('a', 'aa') %}", 60),
        lines("{% set s = 'aaaaaaaaaa' %}", "{% set s = '%s%s' % (s, s) %}", 60),
        lines("{% set s = 'aaaaaaaaaa' %}", "{% set s = '{0}{0}'.format(s) %}", 60),
        lines("{% set s = 'aaaaaaaaaa' %}", "{% set s %}{{ s }}{{ s }}{% endset %}", 60),
        lines("{% set s = [1] %}", "{% set s = s + s %}", 60),
        lines("{% set s = (1,) %}", "{% set s = s + s %}", 60),
        lines("{% set s = [1] %}", "{% set s = [s, s] %}", 60) + "{{ s }}",
        lines("{% set s = [1] %}", "{% set s = [s, s] %}", 60) + "{{ s | tojson }}",
        lines("{% set s = [1] %}{% set t = [1] %}", "{% set s = [s, s] %}{% set t = [t, t] %}", 60)
            + "{{ s == t }}",
        lines("{% set s = (1,) %}", "{% set s = (s, s) %}", 60) + "{{ {s: 1} }}",
        lines("{% set s = {'a': 1} %}", "{% set s = {'a': s, 'b': s} %}", 60) + "{{ s }}",
        "{% set n = namespace(s='aaaaaaaaaa') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}".to_owned(),
        "{{ 'x' * 1000000000000 }}".to_owned(),
        "{{ [1] * 1000000000000 }}".to_owned(),
        "{{ '%1000000000d' | format(1) }}".to_owned(),
        "{{ '%.1000000000f' % 1.5 }}".to_owned(),
        "{{ '%*d' % (1000000000, 1) }}".to_owned(),
        "{{ '{:1000000000}'.format('a') }}".to_owned(),
        "{{ '{:>{w}}'.format('a', w=1000000000) }}".to_owned(),
        "{{ 'a'.center(1000000000) }}".to_owned(),
        "{{ 'a' | center(1000000000) }}".to_owned(),
        "{{ '1'.zfill(1000000000) }}".to_owned(),
        "{{ '\t'.expandtabs(1000000000) }}".to_owned(),
        "{{ 'a\nb' | indent(1000000000) }}".to_owned(),
        "{{ [1] | tojson(indent=1000000000) }}".to_owned(),
        "{{ [1] | batch(1000000000, 'x') | list }}".to_owned(),
        "{{ [1] | slice(1000000000) | list }}".to_owned(),
        format!("{list}{{{{ l | join('x' * 100000) }}}}"),
        format!("{list}{{{{ ('x' * 100000).join(l | map('string')) }}}}"),
        format!("{long}{{{{ x | replace('x', x) }}}}"),
        format!("{long}{{{{ x | wordwrap(1, wrapstring=x) }}}}"),
        format!("{long}{{{{ x | list | batch(1) | list | tojson(indent=1000) }}}}"),
        format!("{long}{{% for i in range(99999) %}}{{{{ x }}}}{{% endfor %}}"),
        format!("{long}{{% set n = namespace(l=[]) %}}{{% for i in range(99999) %}}{{% set n.l = n.l + [x ~ i] %}}{{% endfor %}}"),
        format!("{list}{{% for i in l %}}{{% for j in l %}}{{% set k = l | list %}}{{% endfor %}}{{% endfor %}}"),
        format!("{list}{{{{ dict(l | map('string') | map('list') | map('batch', 1)) }}}}"),
        "{% for i in range(99999) %}{{ strftime_now('%1024Y' * 99999) }}{% endfor %}".to_owned(),
    ];
    for source in &sources {
        failure(source);
    }
}

#[test]
fn work_is_bounded() {
    let long = "{% set x = 'x' * 10000000 %}{% set y = 'x' * 9999999 ~ 'y' %}{% set z = 'x' * 9999999 ~ 'y' %}";
    let inner = |expression: &str| {
        format!(
            "{long}{{% for i in range(99999) %}}{{% for j in range(99999) %}}{{% if {expression} %}}{{% endif %}}{{% endfor %}}{{% endfor %}}"
        )
    };
    for expression in [
        "1",
        "y == z",
        "y < z",
        "'z' in x",
        "x.find('z')",
        "x.count('xz')",
        "x.strip('abc')",
        "x | length",
        "x[5]",
        "x[::2]",
        "{x: 1}",
        "({})[x]",
        "x.isalpha()",
        "x is lower",
        "x | int",
        "x | float",
        "x | wordcount",
        "x.startswith(y)",
        "99998 in range(99999) | list",
        "range(99999) | sort",
        "range(99999) | unique | list",
        "range(99999) | sum",
        "range(99999) | max",
        "range(99999) | groupby('real')",
        "range(99999)[::-1] | list",
        "range(99999) | select('odd') | list",
    ] {
        let words = failure(&inner(expression));
        assert!(
            words.contains("steps") || words.contains("MiB"),
            "{expression}: {words}"
        );
    }
    failure("{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}");
    failure(
        "{% macro f(x) %}{% call(y) f(x) %}{% endcall %}{{ caller(1) }}{% endmacro %}{{ f(1) }}",
    );
    failure("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}");
}

#[test]
fn nothing_recurses_too_deep() {
    for source in [
        format!("{{{{ {}1 }}}}", "not ".repeat(100_000)),
        format!("{{{{ {}1 }}}}", "-".repeat(100_000)),
        format!("{{{{ 1{} }}}}", "+1".repeat(200_000)),
        format!("{{{{ a{} }}}}", ".a".repeat(100_000)),
        format!("{{{{ a{} }}}}", "(1)".repeat(100_000)),
        format!("{{{{ a{} }}}}", "[1]".repeat(100_000)),
        format!("{{{{ a{} }}}}", "|e".repeat(100_000)),
        format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("{{{{ {}1{} }}}}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("{{{{ 1{} }}}}", " if 1 else 1".repeat(100_000)),
        format!("{{{{ 1{} }}}}", " if 1".repeat(100_000)),
        "{% if 1 %}".repeat(100_000),
        "{% set (".to_owned() + &"(".repeat(100_000),
        "{% set x = namespace() %}{% set x.y = x %}{{ x }}".to_owned(),
        "{% set x = namespace() %}{% set x.y = [x] %}{{ x.y }}".to_owned(),
        "{% set x = namespace() %}{% set x.y = x %}{{ x.y.y.nothing.at.all }}".to_owned(),
        "{% set n = namespace(l=[1]) %}{% for i in range(99999) %}{% set n.l = [n.l] %}{% endfor %}".to_owned(),
        "{% set n = namespace(l=[1]) %}{% for i in range(99999) %}{% set n.l = {'a': n.l} %}{% endfor %}".to_owned(),
        "{% set n = namespace(l=[1]) %}{% for i in range(99999) %}{% set n.l = [n.l] | reverse %}{% endfor %}".to_owned(),
        "{% set n = namespace(l=[1]) %}{% for i in range(99999) %}{% set n.l = cycler(n.l) %}{% endfor %}".to_owned(),
        "{% set n = namespace(l=[1]) %}{% for i in range(99999) %}{% for j in [n.l] %}{% set n.l = loop %}{% endfor %}{% endfor %}".to_owned(),
    ] {
        failure(&source);
    }
    // Long chains of things that hold each other end as well, and are let go without recursion.
    for source in [
        "{% set n = namespace() %}{% for i in range(20000) %}{% set m = namespace(before=n.cur) %}{% set n.cur = m %}{% endfor %}",
        "{% macro make() %}{% set old = n.f %}{% macro g() %}{{ old }}{% endmacro %}{% set n.f = g %}{% endmacro %}{% set n = namespace(f=1) %}{% for i in range(1000) %}{% if make() %}{% endif %}{% endfor %}",
        "{% set n = namespace(l=1) %}{% for i in range(10000) %}{% for j in [1] %}{% if loop.changed(n.l) %}{% endif %}{% set n.l = loop %}{% endfor %}{% endfor %}",
    ] {
        let template = Template::parse(source).unwrap();
        template.render([], (0, 0)).unwrap();
    }
}
