//! Files with errors: each names its line, and nothing of the file is taken.

use std::fmt::Write as _;

use crate::scene::{BEER, SOUP, Scene, TEA, items, rules};

#[tokio::test]
async fn an_error_names_its_line_and_nothing_is_taken() {
    let scene = Scene::with_menu(&[SOUP]).await;
    let before = scene.contents().await;
    for (name, text, part) in [
        ("tab.yaml", "items:\n  - id: tea\n\tname: Tea\n", "line 3: "),
        ("tab.yaml", "items:\n  - id: tea\n\tname: Tea\n", "YAML indents with spaces"),
        ("ids.yaml", &items(&[TEA, BEER, TEA]), "line 4: item 'tea': id 'tea' is taken in line 2"),
        (
            "names.csv",
            "id,name,price\ntea,Tea,2\ntee,Tea,2\n",
            "line 3: item 'tee': name 'Tea' is taken in line 2",
        ),
        ("price.csv", "id,name,price\n\ntea,Tea,0\n", "line 3: item 'tea': price must be"),
        ("binary.yaml", "items:\n  - \u{0}\n", "line 2: the character U+0000 is no text"),
        ("rules.yaml", "rules: []\n", "line 1: "),
    ] {
        let file = scene.file(name, text);
        let nothing = format!("nothing was taken of '{file}'. Correct it and try again:\n");
        for flags in [&[][..], &["--merge"], &["--dry-run"]] {
            let words = [&["menu", "import", &file], flags].concat();
            scene.assert_fails(&words, 1, &[&nothing, part]).await;
        }
    }
    let file = scene.file("prices.yaml", rules(&["id: a, kind: discount, label: A, percent: 130"]));
    let part = "line 2: rule 'a': percent must be above 0 and at most 100";
    scene.assert_fails(&["prices", "import", &file], 1, &[part]).await;
    assert_eq!(scene.contents().await, before);
}

#[tokio::test]
async fn a_file_of_100_000_lines_is_too_large() {
    let scene = Scene::with_menu(&[SOUP]).await;
    let many = (1..100_000).fold("id,name,price\n".to_owned(), |mut text, number| {
        let _ = writeln!(text, "a{number},A{number},1");
        text
    });
    let file = scene.file("many.csv", many);
    let part = "line 10002: the file has more than 10000 items";
    scene.assert_fails(&["menu", "import", &file], 1, &[part]).await;
    assert_eq!(scene.items().await, ["soup Soup 9.50"]);
}

#[tokio::test]
async fn a_byte_order_mark_is_no_error() {
    let scene = Scene::new().await;
    for (name, text) in
        [("bom.yaml", items(&[TEA])), ("bom.csv", "id,name,price\r\ntea,Tea,2\r\n".to_owned())]
    {
        let file = scene.file(name, format!("\u{feff}{text}"));
        scene.succeed(&["menu", "import", &file]).await;
        assert_eq!(scene.items().await, ["tea Tea 2.00"]);
    }
}

#[tokio::test]
async fn a_name_that_another_item_keeps_is_named_with_its_line() {
    let scene = Scene::with_menu(&[SOUP, TEA]).await;
    let before = scene.contents().await;
    let file = scene.file("menu.yaml", items(&[BEER, "id: green-tea, name: Tea, price: 2.50"]));
    let part = "line 3: item 'green-tea': name 'Tea' is taken by 'tea'";
    scene.assert_fails(&["menu", "import", "--merge", "--dry-run", &file], 1, &[part]).await;
    scene.assert_fails(&["menu", "import", "--merge", &file], 1, &[part]).await;
    assert_eq!(scene.contents().await, before);
    scene.succeed(&["menu", "import", &file]).await;
    assert_eq!(scene.items().await, ["beer Beer 4.00", "green-tea Tea 2.50"]);
}

#[tokio::test]
async fn what_is_no_file_of_items_is_explained() {
    let scene = Scene::with_menu(&[SOUP]).await;
    let before = scene.contents().await;
    let folder = scene.path("");
    let empty = scene.file("empty.yaml", "# A menu to begin with\n");
    let other = scene.file("menu.txt", items(&[TEA]));
    let huge = scene.path("huge.yaml");
    std::fs::File::create(&huge).unwrap().set_len(64 << 30).unwrap();
    for (words, code, part) in [
        (
            &["menu", "import", folder.as_str()][..],
            1,
            "Is a directory (os error 21); name a file in YAML or CSV",
        ),
        (&["menu", "import", "/nowhere/menu.yaml"], 1, "cannot read '/nowhere/menu.yaml': No such file"),
        (
            &["menu", "import", &empty],
            1,
            "says nothing, perhaps by mistake; a file that takes everything off has 'items: []'",
        ),
        (
            &["menu", "import", "--format=csv", &empty],
            1,
            "takes everything off has the row with the names of the fields",
        ),
        (&["menu", "import", &huge], 1, "line 1: the file is larger than 32 MiB"),
        (
            &["menu", "import", &other],
            2,
            "ends in neither .yaml, .yml nor .csv: say --format yaml or --format csv",
        ),
        (&["menu", "import", "--format=json", &other], 2, "unknown format 'json' (allowed: yaml, csv)"),
        (&["menu", "import", "--changed-by=", &other], 2, "--changed-by"),
        (&["prices", "import", "--changed-by=Anna", &other], 2, "--changed-by"),
        (&["menu", "import"], 2, "file"),
        (&["menu"], 2, "export"),
    ] {
        scene.assert_fails(words, code, &[part]).await;
    }
    assert_eq!(scene.contents().await, before);
}
