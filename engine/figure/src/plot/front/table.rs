//! The numbers of a front, a row per dot.

use super::{Dot, Front, Series};
use crate::error::Result;
use crate::table::{Cell, Column, Kind, Table};

impl Front {
    pub(super) fn table(&self) -> Result<Table> {
        let text = |name: &str| Column::new(name, Kind::Text);
        let mut columns = ["series", "bundle", "uid", "name", "standing", "kind"]
            .map(text)
            .to_vec();
        columns.push(Column::new("extrapolated", Kind::Flag));
        columns.push(Column::new("seed", Kind::Integer));
        let coordinates = self.coordinates();
        let named = coordinates.iter();
        columns.extend(named.map(|name| Column::new(format!("at_{name}"), Kind::Number)));
        let scores = self.objectives.iter();
        columns.extend(scores.map(|objective| Column::new(&objective.name, Kind::Estimate)));
        let mut table = Table::new(columns);
        for series in &self.series {
            for dot in &series.dots {
                table.push(self.dot_row(series, dot, coordinates.len()))?;
            }
            self.seed_rows(&mut table, series, coordinates.len())?;
        }
        for landmark in &self.landmarks {
            let mut row = vec![Cell::Empty; 8];
            row[0] = landmark.kind.name().into();
            row[2] = landmark.uid.clone().into();
            row[5] = "landmark".into();
            row.resize(row.len() + coordinates.len(), Cell::Empty);
            row.extend(self.estimates(&landmark.scores));
            table.push(row)?;
        }
        Ok(table)
    }

    /// Names of what points are made of: objectives, then values of other names.
    fn coordinates(&self) -> Vec<&String> {
        let mut names: Vec<&String> = self.objectives.iter().map(|o| &o.name).collect();
        for value in &self.values {
            if !names.contains(&&value.name) {
                names.push(&value.name);
            }
        }
        names
    }

    fn bundle(&self, series: &Series) -> Cell {
        self.bundles.get(series.bundle).cloned().into()
    }

    fn dot_row(&self, series: &Series, dot: &Dot, coordinates: usize) -> Vec<Cell> {
        let mut row = vec![
            series.name.clone().into(),
            self.bundle(series),
            dot.uid.clone().into(),
            dot.name.clone().into(),
            dot.standing.words().into(),
            match &dot.point {
                None => Cell::Empty,
                Some(paretoscope_core::types::Point::Preference(_)) => "preference".into(),
                Some(paretoscope_core::types::Point::Weights(_)) => "weights".into(),
            },
            dot.extrapolated.into(),
            Cell::Empty,
        ];
        let names = self.coordinates();
        let mut places = vec![Cell::Empty; coordinates];
        if let Some(point) = &dot.point {
            for (corner, value) in self.corners(point).iter().zip(point.as_slice()) {
                if let Some(slot) = names.iter().position(|name| **name == corner.name) {
                    places[slot] = (*value).into();
                }
            }
        }
        row.append(&mut places);
        row.extend(self.estimates(&dot.scores));
        row
    }

    fn seed_rows(&self, table: &mut Table, series: &Series, coordinates: usize) -> Result<()> {
        for seed in &series.seeds {
            for scores in &seed.scores {
                let mut row = vec![Cell::Empty; 8 + coordinates];
                row[0] = series.name.clone().into();
                row[1] = self.bundle(series);
                row[5] = "seed".into();
                row[7] = i64::try_from(seed.seed).map_or(Cell::Empty, Cell::Integer);
                row.extend(self.estimates(scores));
                table.push(row)?;
            }
        }
        Ok(())
    }

    fn estimates<'a>(
        &'a self,
        scores: &'a [Option<paretoscope_core::types::Summary>],
    ) -> impl Iterator<Item = Cell> + 'a {
        (0..self.objectives.len()).map(|i| scores.get(i).copied().flatten().into())
    }
}
