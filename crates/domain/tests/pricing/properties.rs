//! Properties of random baskets under random rules, 100,000 of them in all. A second, plain
//! computation judges each step.

use std::collections::{BTreeMap, BTreeSet};

use domain::pricing::{
    Adjustment, AdjustmentKind, Conditions, Effect, PriceRule, PricedLine, Quote, Reduction, RuleSet, Target,
    Weekdays, quote,
};
use domain::{Money, OrderType, OrderTypes, Price};
use proptest::prelude::*;
use proptest::test_runner::Config;
use time::macros::date;
use time::{Duration, PrimitiveDateTime, Time};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// An order, and the rules that it meets.
#[derive(Clone, Debug)]
struct Scene {
    lines: Vec<PricedLine>,
    order_type: OrderType,
    at: PrimitiveDateTime,
    rules: RuleSet,
}

impl Scene {
    fn quote(&self) -> Quote {
        quote(&self.lines, self.order_type, self.at, &self.rules).unwrap()
    }
}

/// Small amounts more often than large ones: rounding shows in them.
fn price(size: u32, cents: u32) -> Price {
    Price::from_cents(i64::from(1 + cents % [20, 2_000, 99_999][size as usize % 3])).unwrap()
}

fn any_line() -> impl Strategy<Value = PricedLine> {
    (0_u32..6, 0_u32..3, any::<u32>(), 1_u32..=10).prop_map(|(item, size, cents, quantity)| PricedLine {
        item_id: (item > 0).then(|| format!("i{item}").parse().unwrap()),
        category: (item > 0).then(|| format!("c{}", item % 2).parse().unwrap()),
        price: price(size, cents),
        quantity,
    })
}

/// A rule with the id `r{number}`.
pub fn any_rule(number: usize) -> impl Strategy<Value = PriceRule> {
    any::<[u32; 14]>().prop_map(move |random| rule_of(number, random))
}

fn rule_of(number: usize, random: [u32; 14]) -> PriceRule {
    let [priority, kind, target, reduction, percent, size, cents, which @ ..] = random;
    let [least, types, days, hours, from, until, included] = which;
    let target = match target % 6 {
        0 | 1 => Target::Order,
        2 | 3 => Target::Category(format!("c{}", target / 6 % 2).parse().unwrap()),
        _ => Target::Item(format!("i{}", 1 + target / 6 % 5).parse().unwrap()),
    };
    let percent = match percent % 4 {
        0 => "100".to_owned(),
        1 => format!("{}", 1 + percent / 4 % 99),
        _ => format!("{}.{:04}", percent / 4 % 99, 1 + percent / 400 % 9_999),
    };
    let limit =
        |random: u32| (random % 2 == 1).then(|| Money::from_cents(i64::from(1 + random / 2 % 20_000)));
    let amount = price(size, cents);
    let effect = match kind % 4 {
        0 | 1 if reduction % 2 == 0 => {
            Effect::Discount { target, reduction: Reduction::Percent(percent.parse().unwrap()) }
        }
        0 | 1 => Effect::Discount { target, reduction: Reduction::Amount(amount) },
        2 => Effect::Fee { amount, below: limit(included) },
        // Few rates, so that several rules have the same.
        _ => {
            let rate = ["0", "5", "7.5", "20"][reduction as usize % 4].parse().unwrap();
            Effect::Tax { target, rate, included: included % 2 == 0 }
        }
    };
    PriceRule {
        id: format!("r{number}").parse().unwrap(),
        label: format!("Rule {number}").parse().unwrap(),
        priority: u16::try_from(priority % 3).unwrap(),
        conditions: conditions([least, types, days, hours, from, until]),
        effect,
    }
}

fn conditions([least, types, days, hours, from, until]: [u32; 6]) -> Conditions {
    let types: Vec<_> =
        OrderType::ALL.into_iter().zip([1, 2, 4]).filter(|(_, bit)| types & bit > 0).collect();
    let types: Vec<_> = types.into_iter().map(|(order_type, _)| order_type).collect();
    let days = DAYS.into_iter().enumerate().filter(|(bit, _)| days >> bit & 1 > 0).map(|(_, name)| name);
    let (start, end) = (hours / 4 % 1_440, hours / 8_192 % 1_440);
    let hours = (hours % 4 == 0 && start != end)
        .then(|| format!("{:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60));
    let day = |random: u32| date!(2026 - 11 - 23) + Duration::days(i64::from(random / 4 % 14));
    Conditions {
        min_total: (least % 3 == 0).then(|| Money::from_cents(i64::from(1 + least / 3 % 20_000))),
        order_types: OrderTypes::of(&types).unwrap_or_default(),
        weekdays: Weekdays::parse(&days.collect::<Vec<_>>()).unwrap_or_default(),
        hours: hours.map(|text| text.parse().unwrap()),
        valid_from: (from % 4 == 0).then(|| day(from).min(day(until))),
        valid_until: (until % 4 == 0).then(|| day(until).max(day(from))),
    }
}

fn any_scene() -> impl Strategy<Value = Scene> {
    let lines = prop::collection::vec(any_line(), 0..=6);
    let rules = prop::collection::vec(any::<[u32; 14]>(), 0..=8);
    (lines, 0_usize..3, 0_i64..14 * 1_440, rules).prop_map(|(lines, order_type, minute, rules)| Scene {
        lines,
        order_type: OrderType::ALL[order_type],
        at: PrimitiveDateTime::new(date!(2026 - 11 - 23), Time::MIDNIGHT) + Duration::minutes(minute),
        rules: RuleSet::new(
            rules.into_iter().enumerate().map(|(number, random)| rule_of(number, random)).collect(),
        )
        .unwrap(),
    })
}

fn cents(amount: &Money) -> i128 {
    amount.to_cents().unwrap().into()
}

fn gross(line: &PricedLine) -> i128 {
    i128::from(line.price.cents()) * i128::from(line.quantity)
}

fn half_up(amount: i128, part: u32, whole: u32) -> i128 {
    let (part, whole) = (i128::from(part), i128::from(whole));
    let exact = amount * part;
    exact / whole + i128::from(exact % whole * 2 >= whole)
}

fn includes(target: &Target, line: &PricedLine) -> bool {
    match target {
        Target::Order => true,
        Target::Category(category) => line.category.as_ref() == Some(category),
        Target::Item(item) => line.item_id.as_ref() == Some(item),
    }
}

/// The conditions of a rule, judged by the texts of its record.
fn applies(rule: &PriceRule, scene: &Scene, subtotal: i128) -> bool {
    let Conditions { min_total, order_types, weekdays, hours, valid_from, valid_until } = &rule.conditions;
    let minute = i32::from(scene.at.hour()) * 60 + i32::from(scene.at.minute());
    let today = usize::from(scene.at.weekday().number_days_from_monday());
    let is_day = |back: usize| weekdays.names().any(|name| name == DAYS[(today + 7 - back) % 7]);
    let is_time = hours.map_or(is_day(0), |hours| {
        let text = hours.to_string();
        let number = |range: std::ops::Range<usize>| text[range].parse::<i32>().unwrap();
        let (from, until) = (number(0..2) * 60 + number(3..5), number(6..8) * 60 + number(9..11));
        // Minutes since the hours began, today or yesterday.
        let length = (until - from).rem_euclid(1_440);
        let (today, yesterday) = (minute - from, minute - from + 1_440);
        (0..length).contains(&today) && is_day(0) || (0..length).contains(&yesterday) && is_day(1)
    });
    let day = scene.at.date();
    is_time
        && order_types.iter().any(|order_type| order_type == scene.order_type)
        && min_total.as_ref().is_none_or(|least| subtotal >= cents(least))
        && valid_from.is_none_or(|first| first <= day)
        && valid_until.is_none_or(|last| day <= last)
}

fn rows<'a>(quote: &'a Quote, rule: &PriceRule) -> Vec<&'a Adjustment> {
    quote.adjustments.iter().filter(|adjustment| adjustment.rule == rule.id).collect()
}

/// Judges the rows of a discount, and takes them off what is left of the lines.
fn judge_discount(
    rows: &[&Adjustment],
    scene: &Scene,
    left: &mut [i128],
    target: &Target,
    reduction: Reduction,
) {
    let lines: Vec<usize> = (0..left.len()).filter(|line| includes(target, &scene.lines[*line])).collect();
    let sum: i128 = lines.iter().map(|line| left[*line]).sum();
    let mut parts: BTreeMap<usize, i128> = lines.iter().map(|line| (*line, 0)).collect();
    for row in rows {
        let line = row.line.unwrap();
        assert_eq!(cents(&row.base), left[line]);
        assert!(cents(&row.amount) < 0, "a row that changes nothing");
        assert_eq!(parts.insert(line, -cents(&row.amount)), Some(0), "one row for each line");
    }
    let whole: i128 = parts.values().sum();
    let is_for_each_piece = *target != Target::Order;
    match reduction {
        Reduction::Percent(percent) => assert_eq!(whole, half_up(sum, percent.units(), 1_000_000)),
        Reduction::Amount(amount) if is_for_each_piece => {
            for (line, part) in &parts {
                let wanted = i128::from(amount.cents()) * i128::from(scene.lines[*line].quantity);
                assert_eq!(*part, wanted.min(left[*line]));
            }
        }
        Reduction::Amount(amount) => assert_eq!(whole, i128::from(amount.cents()).min(sum)),
    }
    if !(is_for_each_piece && matches!(reduction, Reduction::Amount(_))) {
        judge_spread(whole, sum, parts.iter().map(|(line, part)| (left[*line], *part)).collect());
    }
    for (line, part) in parts {
        left[line] -= part;
        assert!(left[line] >= 0);
    }
}

/// Each part is its share, rounded down or up, and whoever is rounded up has a fraction as large as
/// those that are not.
fn judge_spread(amount: i128, whole: i128, parts: Vec<(i128, i128)>) {
    // Without a weight there is nothing to spread: then nobody is rounded up.
    let (mut least_up, mut most_down) = (whole.max(1), 0);
    for (weight, part) in parts {
        if weight == 0 {
            assert_eq!(part, 0);
            continue;
        }
        let (floor, fraction) = (amount * weight / whole, amount * weight % whole);
        match part - floor {
            0 => most_down = most_down.max(fraction),
            1 => least_up = least_up.min(fraction),
            other => panic!("{other} cents from its share"),
        }
    }
    assert!(least_up >= most_down && least_up > 0);
}

/// Judges the rows of all taxes by what discounts left.
fn judge_taxes(quote: &Quote, scene: &Scene, left: &[i128], taxes: &[&PriceRule]) {
    let mut bases = vec![0; taxes.len()];
    for (line, left) in scene.lines.iter().zip(left) {
        let specificity = |rule: &PriceRule| match &rule.effect {
            Effect::Tax { target, .. } if includes(target, line) => match target {
                Target::Item(_) => 3,
                Target::Category(_) => 2,
                Target::Order => 1,
            },
            _ => 0,
        };
        let most = taxes.iter().map(|rule| specificity(rule)).max().unwrap_or(0);
        if let Some(tax) = taxes.iter().position(|rule| most > 0 && specificity(rule) == most) {
            bases[tax] += left;
        }
    }
    // Of each rate: its base, and its tax.
    let mut rates: BTreeMap<(u32, bool), (i128, i128)> = BTreeMap::new();
    for (rule, base) in taxes.iter().zip(bases) {
        let Effect::Tax { rate, included, .. } = &rule.effect else { panic!("no tax") };
        let rows = rows(quote, rule);
        assert_eq!(rows.len(), usize::from(base > 0));
        let Some(row) = rows.first() else { continue };
        assert_eq!((cents(&row.base), row.line), (base, None));
        let tax = row.included.as_ref().map_or_else(|| cents(&row.amount), cents);
        assert_eq!(row.included.is_some(), *included);
        assert!(!included || cents(&row.amount) == 0);
        let sums = rates.entry((rate.units(), *included)).or_default();
        *sums = (sums.0 + base, sums.1 + tax);
    }
    for ((units, included), (base, tax)) in rates {
        let whole = if included { 1_000_000 + units } else { 1_000_000 };
        assert_eq!(tax, half_up(base, units, whole));
    }
}

/// Replays the documented order of application, step by step.
fn judge(scene: &Scene, quote: &Quote) {
    let mut left: Vec<i128> = scene.lines.iter().map(gross).collect();
    let subtotal: i128 = left.iter().sum();
    let mut sorted: Vec<&PriceRule> = scene.rules.rules().iter().collect();
    sorted.sort_by_key(|rule| (rule.priority, rule.id.clone()));
    for rule in sorted.iter().filter(|rule| !applies(rule, scene, subtotal)) {
        assert!(rows(quote, rule).is_empty(), "{} applied outside its conditions", rule.id);
    }
    let applying: Vec<&PriceRule> =
        sorted.into_iter().filter(|rule| applies(rule, scene, subtotal)).collect();
    for is_of_the_order in [false, true] {
        for rule in &applying {
            if let Effect::Discount { target, reduction } = &rule.effect
                && (*target == Target::Order) == is_of_the_order
            {
                judge_discount(&rows(quote, rule), scene, &mut left, target, *reduction);
            }
        }
    }
    for (line, left) in quote.lines.iter().zip(&left) {
        assert_eq!(cents(&line.net), *left);
    }
    for rule in &applying {
        if let Effect::Fee { amount, below } = &rule.effect {
            let is_due = below.as_ref().is_none_or(|limit| subtotal < cents(limit));
            let expected = if is_due { vec![(None, subtotal, i128::from(amount.cents()))] } else { vec![] };
            let rows = rows(quote, rule);
            let found: Vec<_> =
                rows.iter().map(|row| (row.line, cents(&row.base), cents(&row.amount))).collect();
            assert_eq!(found, expected);
        }
    }
    let taxes: Vec<_> =
        applying.into_iter().filter(|rule| matches!(rule.effect, Effect::Tax { .. })).collect();
    judge_taxes(quote, scene, &left, &taxes);
}

/// The parts are the whole, and nothing is negative.
fn judge_sums(scene: &Scene, quote: &Quote) {
    let sum_of = |kind| -> i128 {
        let rows = quote.adjustments.iter().filter(|adjustment| adjustment.kind == kind);
        rows.map(|adjustment| cents(&adjustment.amount)).sum()
    };
    let (subtotal, total) = (cents(&quote.subtotal), cents(&quote.total));
    let [discounts, fees, taxes] = AdjustmentKind::ALL.map(sum_of);
    assert_eq!(subtotal, scene.lines.iter().map(gross).sum::<i128>());
    assert_eq!((cents(&quote.discount), cents(&quote.fees), cents(&quote.tax)), (-discounts, fees, taxes));
    assert_eq!(total, subtotal + discounts + fees + taxes);
    assert!(total >= 0 && discounts <= 0 && fees >= 0 && taxes >= 0);
    assert_eq!(quote.lines.len(), scene.lines.len());
    let of_lines = |part: fn(&domain::pricing::QuotedLine) -> &Money| -> i128 {
        quote.lines.iter().map(|line| cents(part(line))).sum()
    };
    assert_eq!(of_lines(|line| &line.amount), subtotal);
    assert_eq!(of_lines(|line| &line.discount), -discounts);
    assert_eq!(of_lines(|line| &line.net), subtotal + discounts);
    assert!(quote.lines.iter().all(|line| cents(&line.net) >= 0));
    let stages: Vec<_> = quote.adjustments.iter().map(|adjustment| adjustment.kind).collect();
    assert!(stages.is_sorted(), "{stages:?}");
}

/// What is said about a line and about the order, without the places of the lines.
fn without_places(scene: &Scene, quote: &Quote) -> (BTreeSet<String>, Vec<String>) {
    let row = |adjustment: &Adjustment| {
        let line = adjustment.line.map(|line| &scene.lines[line]);
        format!("{line:?} {:?}", Adjustment { line: None, ..adjustment.clone() })
    };
    let rows: Vec<String> = quote.adjustments.iter().map(row).collect();
    // Equal lines may have equal rows.
    let rows = rows.iter().map(|row| format!("{} {row}", rows.iter().filter(|other| *other == row).count()));
    let mut lines: Vec<_> = scene.lines.iter().zip(&quote.lines).map(|pair| format!("{pair:?}")).collect();
    lines.sort();
    (rows.collect(), lines)
}

proptest! {
    #![proptest_config(Config::with_cases(80_000))]

    #[test]
    fn every_step_is_the_documented_one_and_the_parts_are_the_whole(scene in any_scene()) {
        let quote = scene.quote();
        judge_sums(&scene, &quote);
        judge(&scene, &quote);
    }
}

proptest! {
    #![proptest_config(Config::with_cases(20_000))]

    #[test]
    fn neither_the_order_of_lines_nor_of_rules_changes_anything(
        (scene, lines) in any_scene().prop_flat_map(|scene| {
            let lines = Just(scene.lines.clone()).prop_shuffle();
            (Just(scene), lines)
        }),
    ) {
        let mut rules = scene.rules.rules().to_vec();
        rules.reverse();
        let other = Scene { lines, rules: RuleSet::new(rules).unwrap(), ..scene.clone() };
        let (one_quote, other_quote) = (scene.quote(), other.quote());
        prop_assert_eq!(&one_quote.total, &other_quote.total);
        prop_assert_eq!(&one_quote.tax, &other_quote.tax);
        prop_assert_eq!(without_places(&scene, &one_quote), without_places(&other, &other_quote));
        // Asked twice, answered the same.
        prop_assert_eq!(scene.quote(), one_quote);
    }
}

#[test]
fn no_price_is_ever_a_float() {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut folders = vec![std::path::PathBuf::from(sources)];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            let program = text.split("#[cfg(test)]").next().unwrap();
            let has_float = ["f32", "f64"].into_iter().find(|float| program.contains(float));
            assert_eq!(has_float, None, "{}", path.display());
        }
    }
    assert!(files > 30, "{files}");
}
