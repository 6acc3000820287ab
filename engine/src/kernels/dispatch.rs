//! Loops compiled for the processor at hand.

/// Runs a [`kernel!`] compiled for the best instruction set of this processor.
pub(crate) fn vectorised<K: pulp::WithSimd>(kernel: K) -> K::Output {
    pulp::Arch::new().dispatch(kernel)
}

/// Makes a type of a function for [`vectorised`]. The function and all that it calls must be
/// `#[inline(always)]`, or they are compiled for the oldest processor; closures cannot be, which is why
/// they do not serve. With `simd` before its name the function takes the instruction set as its first argument.
macro_rules! kernel {
    ($name:ident = $function:ident($arguments:ty) -> $output:ty) => {
        struct $name<'a>($arguments);

        impl pulp::WithSimd for $name<'_> {
            type Output = $output;

            #[inline(always)]
            fn with_simd<S: pulp::Simd>(self, _simd: S) -> $output {
                $function(self.0)
            }
        }
    };
    ($name:ident = simd $function:ident($arguments:ty) -> $output:ty) => {
        struct $name<'a>($arguments);

        impl pulp::WithSimd for $name<'_> {
            type Output = $output;

            #[inline(always)]
            fn with_simd<S: pulp::Simd>(self, simd: S) -> $output {
                $function(simd, self.0)
            }
        }
    };
}
pub(crate) use kernel;
