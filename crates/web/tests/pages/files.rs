//! The files: their names, encodings and sizes.

use std::collections::BTreeSet;

use crate::browser::{PAGES, ask, get, loaded};

/// Of a page with everything that it loads, compressed.
const MOST_BYTES: usize = 60_000;

#[actix_web::test]
async fn a_page_with_all_that_it_loads_is_light() {
    for (path, _) in PAGES {
        for language in ["en", "ar"] {
            let html = get(&format!("{path}?lang={language}")).await.text();
            let files = loaded(path, &html);
            assert!(files.len() > 5, "{files:?}");
            for encoding in ["br", "gzip"] {
                let mut bytes = 0;
                // Plots are the one thing that may be heavier, and the staff's page has them.
                let is_plot = |file: &&String| file.starts_with("/assets/uplot.");
                assert_eq!(files.iter().any(|file| is_plot(&file)), path == "/staff");
                for file in files.iter().filter(|file| !is_plot(file)).map(String::as_str).chain([path]) {
                    let answer = ask("GET", file, &[("Accept-Encoding", encoding)]).await;
                    assert_eq!(answer.status, 200, "{file}");
                    bytes += answer.body.len();
                }
                println!("{path} in {language}, {encoding}: {bytes} bytes in {} files", files.len() + 1);
                assert!(bytes <= MOST_BYTES, "{path} in {language}, {encoding}: {bytes} bytes");
            }
        }
    }
}

#[actix_web::test]
async fn every_module_that_a_page_needs_is_loaded_at_once() {
    for (path, _) in PAGES {
        let files = loaded(path, &get(path).await.text());
        for file in files.iter().filter(|file| file.contains(".js")) {
            let text = get(file).await.text();
            let imports = text.split("\"./").skip(1).filter_map(|rest| rest.split('"').next());
            for import in imports {
                assert!(files.contains(&format!("/assets/{import}")), "{path}: {file} imports {import}");
            }
        }
    }
}

#[actix_web::test]
async fn a_file_is_kept_for_ever_and_the_settings_are_not() {
    let files: BTreeSet<String> = loaded("/", &get("/").await.text());
    for file in &files {
        let answer = ask("GET", file, &[("Accept-Encoding", "gzip, br")]).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{file}");
        if file.ends_with("/settings.js") {
            assert_eq!((answer.header("cache-control"), answer.header("content-encoding")), ("no-cache", ""));
        } else {
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{file}");
            assert_eq!((answer.header("content-encoding"), answer.header("vary")), ("br", "Accept-Encoding"));
        }
        let kind = match file.rsplit_once('.').unwrap().1 {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{other}"),
        };
        assert_eq!(answer.header("content-type"), kind, "{file}");
    }
}

#[actix_web::test]
async fn encodings_have_tags_of_their_own_and_a_known_tag_gets_no_body() {
    let files = loaded("/", &get("/").await.text());
    let style = files.iter().find(|file| file.contains("/style.")).unwrap();
    let mut tags = BTreeSet::new();
    for path in ["/", style] {
        for encoding in ["br", "gzip", "identity"] {
            let answer = ask("GET", path, &[("Accept-Encoding", encoding)]).await;
            let tag = answer.header("etag").to_owned();
            let headers = [("Accept-Encoding", encoding), ("If-None-Match", tag.as_str())];
            let again = ask("GET", path, &headers).await;
            assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag.as_str()));
            assert_eq!(again.header("vary"), answer.header("vary"));
            assert!(tags.insert(tag), "{path} {encoding}");
        }
    }
    let other = ask("GET", style, &[("If-None-Match", "\"other\"")]).await;
    assert_eq!(other.status, 200);
}

#[actix_web::test]
async fn gzip_and_the_plain_content_are_the_same() {
    let files = loaded("/", &get("/").await.text());
    let style = files.iter().find(|file| file.contains("/style.")).unwrap();
    let plain = ask("GET", style, &[]).await;
    assert_eq!(plain.header("content-encoding"), "");
    assert!(plain.text().starts_with("/* One stylesheet"));
    let compressed = ask("GET", style, &[("Accept-Encoding", "gzip")]).await;
    assert!(compressed.body.starts_with(&[0x1f, 0x8b]) && compressed.body.len() * 3 < plain.body.len());
}

#[actix_web::test]
async fn an_unknown_file_is_a_404_and_only_reading_is_allowed() {
    for path in
        ["/assets/style.css", "/assets/", "/assets/..%2f..%2fCargo.toml", "/assets/style.000000000000.css"]
    {
        assert_eq!(ask("GET", path, &[]).await.status, 404, "{path}");
    }
    let post = ask("POST", "/assets/settings.js", &[]).await;
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"));
}
