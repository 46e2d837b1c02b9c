//! The known name a mistyped one was most likely meant to be, for hints.

/// A longer list of names than this is no hint.
const MOST: usize = 40;

/// The name in `known` that is closest to `name`, if it is close enough to be a slip of the hand, or begins with it.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&lower, &other);
            let slip = distance <= 1 + name.len().max(candidate.len()) / 4;
            let longer = lower.len() > 3 && other.starts_with(&lower);
            (slip || longer).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?` with the nearest known name, or else the list of what is known.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    match nearest(name, known.clone()) {
        Some(candidate) => Some(format!("did you mean `{candidate}`?")),
        None if known.clone().into_iter().count() > MOST => None,
        None => {
            let known: Vec<_> = known.into_iter().map(|k| format!("`{k}`")).collect();
            (!known.is_empty()).then(|| format!("known here: {}", known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_finds_its_name() {
        let known = ["n_estimators", "max_samples", "random_state"];
        assert_eq!(nearest("n_estimator", known), Some("n_estimators"));
        assert_eq!(nearest("maxsamples", known), Some("max_samples"));
        assert_eq!(nearest("contamination", known), None);
    }

    #[test]
    fn a_longer_name_is_found_by_its_beginning() {
        assert_eq!(
            nearest("Process", ["Computer", "ProcessName"]),
            Some("ProcessName")
        );
    }

    #[test]
    fn case_alone_is_the_smallest_slip() {
        assert_eq!(
            nearest("computer", ["Computer", "Compute"]),
            Some("Computer")
        );
    }
}
