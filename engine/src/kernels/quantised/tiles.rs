//! As many rows at once as the registers take.

/// Runs `$tile` of as many rows as there are `$sums`, four at a time, with the plane of the panel's form as a constant.
macro_rules! tiles {
    ($tile:ident, $simd:ident, $panel:ident, $x:ident, $first:ident, $sums:ident) => {{
        for (index, sums) in $sums.chunks_mut(4).enumerate() {
            let first = $first + index * 4;
            macro_rules! of_plane {
                ($plane:expr) => {
                    match sums.len() {
                        1 => $tile::<{ $plane }, 1>($simd, $panel, $x, first, sums),
                        2 => $tile::<{ $plane }, 2>($simd, $panel, $x, first, sums),
                        3 => $tile::<{ $plane }, 3>($simd, $panel, $x, first, sums),
                        _ => $tile::<{ $plane }, 4>($simd, $panel, $x, first, sums),
                    }
                };
            }
            match $panel.form.plane {
                plane::NIBBLES => of_plane!(plane::NIBBLES),
                plane::TABLE => of_plane!(plane::TABLE),
                plane::FIFTH => of_plane!(plane::FIFTH),
                plane::SIXTH => of_plane!(plane::SIXTH),
                _ => of_plane!(plane::BYTES),
            }
        }
    }};
}
pub(super) use tiles;
