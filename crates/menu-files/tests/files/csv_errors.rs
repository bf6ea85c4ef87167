//! Every error of a CSV file names its line.

use domain::MenuItem;
use menu_files::{Format, MAX_ENTRIES};

use crate::errors;

fn menu(text: impl AsRef<[u8]>) -> Vec<String> {
    errors::<MenuItem>(Format::Csv, text)
}

#[test]
fn all_errors_of_a_file_are_named() {
    let text = "\
id,name,price,order_types,available
pho-bo,Pho,\"9,50\",takeout,true
# a comment, with a comma
Tea,\"Tea
time\",2.00,drone,
beer,Beer

pho-bo,Beer,4.00,,
";
    assert_eq!(
        menu(text),
        [
            "line 2: item 'pho-bo': price is not a decimal number",
            "line 4: item 'Tea': id must be 1 to 64 of the characters a-z, 0-9 and '-', and must not begin with '-'",
            "line 4: item 'Tea': name must contain only printable characters, found '\\n'",
            "line 4: item 'Tea': order_types names the unknown order type 'drone' (allowed: dine_in, takeout, delivery)",
            "line 6: item 'beer': has 2 cells, the first row has 5",
            "line 6: item 'beer': price is required",
            "line 8: item 'pho-bo': id 'pho-bo' is taken in line 2",
            "line 8: item 'pho-bo': name 'Beer' is taken in line 6",
        ]
    );
}

#[test]
fn a_broken_first_row_or_quote_is_named() {
    for (text, errors) in [
        ("id;name;price\n", &["line 1: the columns must be separated by commas"][..]),
        ("id\tname\tprice\n", &["line 1: the columns must be separated by commas"]),
        (
            "\nid,prise,id\n",
            &[
                "line 2: unknown word 'prise' (allowed: id, name, description, category, price, order_types, available, position, sold_out_until)",
                "line 2: the column 'id' is there twice",
            ],
        ),
        ("id,name\na,\"A\n\n", &["line 2: a quote is opened here and never closed"]),
        (
            "id,name\na,b \"c\"\n",
            &["line 2: a cell with a quote must be in quotes, and have the quote doubled"],
        ),
        ("id,name\na,\"b\" c\n", &["line 2: a comma must follow the closing quote of a cell"]),
        (
            "id,name,price\na,A\tB,1\n",
            &["line 2: item 'a': name must contain only printable characters, found '\\t'"],
        ),
    ] {
        assert_eq!(menu(text), errors, "{text:?}");
    }
    assert_eq!(menu(b"id,name\na,Caf\xe9\n"), ["line 2: the file is not valid UTF-8 here: save it as UTF-8"]);
}

#[test]
fn a_file_has_its_limits() {
    let items = |count: usize| -> String {
        let rows = (0..count).map(|item| format!("i{item},Item {item},1.00\n"));
        format!("id,name,price\n{}", rows.collect::<String>())
    };
    assert_eq!(crate::read::<MenuItem>(Format::Csv, &items(MAX_ENTRIES)).unwrap().len(), MAX_ENTRIES);
    assert_eq!(menu(items(100_000)), ["line 10002: the file has more than 10000 items"]);
}
