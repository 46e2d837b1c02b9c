//! The shape of a tree, told from the list of its nodes: where children stand and how many rows came to each node.

/// Why nodes are no tree of the forest.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TreeProblem {
    /// A split has no child.
    #[error("its nodes end before it is whole")]
    Unfinished,
    /// It is whole, and more comes.
    #[error("nodes are left over when it is whole")]
    Surplus,
    /// A path with more cuts than rows can be told apart by.
    #[error("it has more than {most} cuts on a path")]
    TooDeep {
        /// How many a path may have.
        most: usize,
    },
    /// A cut of a column that the forest does not know.
    #[error("it cuts column {feature}, and there are {n_features}, counted from 0")]
    Feature {
        /// The column.
        feature: usize,
        /// How many there are.
        n_features: usize,
    },
    /// A cut that no value can be compared with.
    #[error("a threshold is not a number")]
    Threshold,
    /// A plane that no tree of the forest has.
    #[error(
        "a cut has not a finite coordinate in each of {n_coordinates} columns, in ascending order"
    )]
    Plane {
        /// How many it should have.
        n_coordinates: usize,
    },
    /// A leaf that no row came to.
    #[error("a leaf has no rows")]
    EmptyLeaf,
    /// More rows came to its leaves than it drew.
    #[error("its leaves have more than {most} rows together")]
    TooManyRows {
        /// Rows each tree drew.
        most: usize,
    },
}

/// What a tree of the forest may be.
pub struct Limits {
    /// Rows each tree drew.
    pub max_samples: usize,
    /// Cuts on a path.
    pub max_depth: usize,
}

/// What the place of a node says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The number of the right child; 0 for a leaf.
    pub right: usize,
    /// Distinct training rows that came here.
    pub n_samples: usize,
}

impl Limits {
    /// The places of nodes in their order: a leaf says how many rows it has, a split says `None`.
    pub fn outline(
        &self,
        nodes: impl Iterator<Item = Option<usize>>,
    ) -> Result<Vec<Place>, TreeProblem> {
        let mut places: Vec<Place> = Vec::new();
        let mut open = Vec::new(); // splits whose right child is still to come, each with its depth
        let (mut depth, mut after_leaf) = (0, false);
        for (number, leaf) in nodes.enumerate() {
            if after_leaf {
                let (parent, above): (usize, usize) = open.pop().ok_or(TreeProblem::Surplus)?;
                places[parent].right = number;
                depth = above + 1;
            } else if number > 0 {
                depth += 1;
            }
            if depth > self.max_depth {
                return Err(TreeProblem::TooDeep {
                    most: self.max_depth,
                });
            }
            places.push(Place {
                right: 0,
                n_samples: leaf.unwrap_or(0),
            });
            after_leaf = leaf.is_some();
            if !after_leaf {
                open.push((number, depth));
            }
        }
        if !open.is_empty() || places.is_empty() {
            return Err(TreeProblem::Unfinished);
        }
        self.count_rows(&mut places)?;
        Ok(places)
    }

    /// A row that comes to a split comes to one of its sides. Children stand after their parent.
    fn count_rows(&self, places: &mut [Place]) -> Result<(), TreeProblem> {
        for number in (0..places.len()).rev() {
            let Place { right, n_samples } = places[number];
            let below = match right {
                0 => n_samples,
                right => {
                    let (left, right) = (places[number + 1], places[right]);
                    left.n_samples.saturating_add(right.n_samples)
                }
            };
            if below > self.max_samples {
                return Err(TreeProblem::TooManyRows {
                    most: self.max_samples,
                });
            }
            places[number].n_samples = below;
        }
        Ok(())
    }
}
