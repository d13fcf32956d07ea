use proptest::prelude::*;

use super::*;

fn plain(text: &str) -> String {
    let mut markdown = Markdown::default();
    let lines: Vec<_> = text.split('\n').filter_map(|line| markdown.line(line)).collect();
    lines.join("\n")
}

#[test]
fn marks_go_and_words_stay() {
    let cases = [
        ("*a* _b_ **c** __d__ ***e*** ~~f~~", "a b c d e f"),
        ("**bold *and italic***, *it **and bold***", "bold and italic, it and bold"),
        ("*it **b** it*", "it b it"),
        ("**Note:** mind (*this*), \"_that_\".", "Note: mind (this), \"that\"."),
        ("**H**yper**T**ext", "HyperText"),
        ("这是**粗体**文字", "这是粗体文字"),
        ("**굵게**는", "굵게는"),
        // What only looks like it.
        ("snake_case and _private_name and a_b_c", "snake_case and _private_name and a_b_c"),
        ("2*3*4 = 24, 2 * 3 * 4, 2**3**4", "2*3*4 = 24, 2 * 3 * 4, 2**3**4"),
        ("f(*args, **kwargs)", "f(*args, **kwargs)"),
        ("__init__(self) in __init__.py, x.__dict__", "__init__(self) in __init__.py, x.__dict__"),
        ("https://x.org/_a_/b_c_d*e*", "https://x.org/_a_/b_c_d*e*"),
        ("**https://x.org/_a_**", "https://x.org/_a_"),
        (
            "* one\n* two *three*\n- **four**: x\n1. _five_",
            "* one\n* two three\n- four: x\n1. five",
        ),
        ("\\*not\\* 5 < 6 ~ 7 ~~", "\\*not\\* 5 < 6 ~ 7 ~~"),
        ("a *never closed", "a *never closed"),
        ("***\n* * *\n---", "***\n* * *\n---"),
        // Headings.
        ("# One\n### Two ###\n# # Three", "One\nTwo\nThree"),
        ("#\tOne\n##\t Two\t##", "One\nTwo"),
        ("#hashtag\n#1 of 3\n####### seven", "#hashtag\n#1 of 3\n####### seven"),
        ("Title\n=====\ntext\n---\nmore", "Title\ntext\nmore"),
        ("C# is #1 #", "C# is #1 #"),
        // Tables.
        ("| a | b |\n|---|:-:|\n| *c* | d |", "| a | b |\n| c | d |"),
        ("a | b\n--|--\nc | d", "a | b\nc | d"),
        // Links.
        ("see [the *docs*](https://x.org/a_(b)) now", "see the docs (https://x.org/a_(b)) now"),
        ("[https://x.org](https://x.org) ![pic](a.png)", "https://x.org pic (a.png)"),
        ("[t](https://x.org \"title\")", "t (https://x.org \"title\")"),
        ("values[i](x), [1], [a][b], [x](y)", "values[i](x), [1], [a][b], [x](y)"),
        // Code.
        ("use `*args*` and ``a ` b``", "use `*args*` and ``a ` b``"),
        ("```rust\nlet a = *b * *c;\n  # x\n```\n*d*", "    let a = *b * *c;\n      # x\nd"),
        ("~~~\n```\n~~~\nx", "    ```\nx"),
        ("````\n```\n*a*\n```\n````", "    ```\n    *a*\n    ```"),
        ("1. do\n   ```sh\n   ls *\n   ```\n2. _b_", "1. do\n    ls *\n2. b"),
        ("    *code* by indentation", "    *code* by indentation"),
        ("- a\n    - **b**\n\n    c *d*", "- a\n    - b\n\n    c *d*"),
        ("```\nnever closed *a*", "    never closed *a*"),
        ("", ""),
        ("\n\n", "\n\n"),
    ];
    for (raw, want) in cases {
        assert_eq!(plain(raw), want, "{raw}");
    }
}

#[test]
fn a_mark_that_is_never_closed_holds_up_no_more_than_a_span() {
    let text = format!("see *this {}", "word ".repeat(200));
    let markdown = Markdown::default();
    assert_eq!(markdown.beginning("see *this word").as_deref(), Some("see"));
    assert!(markdown.beginning(text.trim_end()).is_some_and(|known| known.len() > 900));
    for held in ["`code", "[link](https://x.org", "**bold and", "| a", "# Title", "---"] {
        assert_eq!(markdown.beginning(held), None, "{held}");
    }
    assert_eq!(markdown.beginning("**bold** [l](a.b) and").as_deref(), Some("bold l (a.b) and"));
}

/// A document of what models write.
fn documents() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "alpha",
        "beta",
        "*",
        "**",
        "***",
        "_",
        "__",
        "~~",
        "`",
        "``",
        "[",
        "](",
        ")",
        "](a.b/c)",
        "# ",
        "#\t",
        "snake_case",
        "2*3",
        "https://a.b/_c_",
        "日本語",
        "é",
        " ",
        " ",
        "  ",
        "\n",
        "\n\n",
        "* ",
        "- ",
        "1. ",
        "|",
        "|---|",
        "---",
        "===",
        "\\",
        "!",
        "(",
        "x.",
        "?",
        "<",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

proptest! {
    #[test]
    fn nothing_of_the_words_is_lost(text in documents()) {
        // The address of a link whose words are the same is told once.
        prop_assume!(!text.contains("](a.b/c)") || !text.contains("[]("));
        // The language of fenced code goes with its fence.
        prop_assume!(!text.contains("```") && !text.contains("~~~"));
        let text = text.replace("](a.b/c)", "](a.b/c) ");
        let (had, has) = (letters(&text), letters(&plain(&text)));
        prop_assert_eq!(had, has, "{}", text);
    }

    #[test]
    fn doing_it_again_changes_nothing(text in documents()) {
        let once = plain(&text);
        prop_assert_eq!(plain(&once), once.clone(), "{:?} {:?}", text, once);
    }

    #[test]
    fn fenced_code_is_as_it_was(code in "[a-z*_#`\\[\\]()| -]{0,30}") {
        prop_assume!(!code.trim().starts_with("```"));
        let once = plain(&format!("text\n```x\n{code}\n```\n*end*"));
        prop_assert_eq!(&once, &format!("text\n    {code}\nend"));
    }
}
