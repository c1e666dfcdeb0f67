//! Is a document a plan to carry out, or the description of a design? (F-125)

use super::document::Document;
use super::quality::{informs, looks_actionable, marks_a_step};
use super::title::{clean_title, is_non_actionable};

/// Actionable sections above which a plan is said to be too fine.
const MANY: usize = 15;
/// Actionable sections that a design document may have.
const FEW: usize = 2;
/// Least score of a document worth splitting.
pub(super) const MIN_SCORE: f64 = 0.3;

/// What a document looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct QualityReport {
    /// It mainly describes.
    pub is_design_doc: bool,
    /// It asks for work.
    pub is_implementation_plan: bool,
    /// 0.0 to 1.0.
    pub quality_score: f64,
    /// Headings of the second and third level.
    pub total_sections: usize,
    /// Those that ask for work.
    pub actionable_sections: usize,
    /// Those that are left out for their titles.
    pub filtered_sections: usize,
    /// Actionable ones among all, two decimals.
    pub actionable_ratio: f64,
    /// What a reader should know.
    pub warnings: Vec<String>,
    /// What to do with it, one sentence.
    pub recommendation: String,
}

impl QualityReport {
    /// True when it is worth making tasks of it.
    #[must_use]
    pub fn suitable_for_splitting(&self) -> bool {
        self.is_implementation_plan && self.quality_score >= MIN_SCORE && self.actionable_sections >= 1
    }
}

/// Looks at the headings of a document.
#[must_use]
pub fn report(text: &str) -> QualityReport {
    let document = Document::read(text);
    let (mut total, mut actionable, mut filtered, mut design, mut marked) = (0_usize, 0_usize, 0_usize, 0_usize, false);
    for heading in document.headings().iter().filter(|heading| matches!(heading.level, 2 | 3)) {
        let title = clean_title(heading.title);
        total += 1;
        marked |= marks_a_step(heading.title);
        if is_non_actionable(heading.title) {
            (filtered, design) = (filtered + 1, design + 1);
        } else if looks_actionable(&title) || marks_a_step(heading.title) {
            actionable += 1;
        } else if informs(&title) {
            design += 1;
        }
    }
    let ratio = if total == 0 { 0.0 } else { hundredths(count(actionable) / count(total)) };
    let is_design_doc = design > actionable && actionable <= FEW;
    let is_implementation_plan = actionable >= 2 || (actionable >= 1 && ratio >= MIN_SCORE);
    let mut warnings = Vec::new();
    if is_design_doc {
        warnings.push(format!("it reads like a design document: {design} sections describe, {actionable} ask for work"));
    }
    if actionable > MANY {
        warnings.push(format!("{actionable} sections ask for work; coarser phases are easier to follow"));
    }
    let recommendation = if is_implementation_plan {
        "It can be split into tasks."
    } else if is_design_doc {
        "Write the work down as phases of their own before splitting it."
    } else {
        "It has no sections that ask for work; it would become one task."
    };
    QualityReport {
        is_design_doc,
        is_implementation_plan,
        quality_score: (ratio + if marked { 0.2 } else { 0.0 }).min(1.0),
        total_sections: total,
        actionable_sections: actionable,
        filtered_sections: filtered,
        actionable_ratio: ratio,
        warnings,
        recommendation: recommendation.to_owned(),
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(titles: &[&str]) -> QualityReport {
        report(&titles.iter().map(|title| format!("## {title}\n\ntext\n")).collect::<String>())
    }

    /// F-125: flags, ratio and warnings as defined.
    #[test]
    fn flags_follow_from_the_headings() {
        let plan = of(&["Overview", "Phase 1: Add a", "Fix b", "Palette"]);
        assert!(plan.is_implementation_plan && !plan.is_design_doc && plan.suitable_for_splitting());
        assert_eq!((plan.total_sections, plan.actionable_sections, plan.filtered_sections), (4, 2, 1));
        assert!((plan.actionable_ratio - 0.5).abs() < 1e-9 && (plan.quality_score - 0.7).abs() < 1e-9);
        let design = of(&["Overview", "Architecture", "Color scheme", "Add it"]);
        assert!(design.is_design_doc && !design.is_implementation_plan && !design.suitable_for_splitting());
        assert!((design.actionable_ratio - 0.25).abs() < 1e-9);
        assert_eq!(design.warnings.len(), 1);
        let third = of(&["Add", "x", "y"]);
        assert!((third.actionable_ratio - 0.33).abs() < 1e-9 && third.is_implementation_plan);
    }

    /// F-125: too many sections are warned of; nothing is no plan.
    #[test]
    fn extremes_are_told() {
        let many: Vec<String> = (0..16).map(|number| format!("Add {number}")).collect();
        let many = of(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(many.warnings[0].starts_with("16 sections"));
        assert_eq!(of(&["Add"; 15]).warnings, [""; 0]);
        let nothing = of(&[]);
        assert!(!nothing.suitable_for_splitting() && nothing.quality_score.abs() < 1e-9);
        let described = of(&["Layout of it", "Visual things"]);
        assert_eq!(described.warnings, ["it reads like a design document: 2 sections describe, 0 ask for work"]);
        // Much else beside the work: it is a plan, and too little of it to split.
        let mixed = |others: usize| of(&[vec!["Add a", "Add b", "Add c"], vec!["Thing"; others]].concat());
        let (enough, thin) = (mixed(7), mixed(8));
        assert!(enough.suitable_for_splitting() && thin.is_implementation_plan && !thin.suitable_for_splitting());
    }
}
