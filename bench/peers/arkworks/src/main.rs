// Times arkworks beside us: one line "name value unit" for each figure. One thread: its `parallel` feature is off. Argument: log2 of the largest sum.
use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use ark_ff::UniformRand;
use std::hint::black_box;
use std::time::Instant;

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(|a, b| a.partial_cmp(b).unwrap());
    times[times.len() / 2]
}

fn main() {
    let largest: u32 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20);
    let mut rng = ark_std::test_rng();
    let a: Vec<Fr> = (0..4096).map(|_| Fr::rand(&mut rng)).collect();
    let b: Vec<Fr> = (0..4096).map(|_| Fr::rand(&mut rng)).collect();
    let mut c = a.clone();
    let times = (0..9).map(|_| {
        let start = Instant::now();
        for _ in 0..20 {
            for i in 0..c.len() {
                c[i] = black_box(a[i]) * b[i];
            }
        }
        start.elapsed().as_secs_f64() / (20.0 * c.len() as f64) * 1e9
    });
    println!("ark_fr_mul_scalar {:.3} ns", median(times.collect()));
    black_box(&c);

    // Multiples of one point by additions: as good as random ones for a sum.
    let count = 1usize << largest;
    let step = G1Projective::rand(&mut rng);
    let mut points = Vec::with_capacity(count);
    let mut point = G1Projective::rand(&mut rng);
    for _ in 0..count {
        points.push(point);
        point += step;
    }
    let points: Vec<G1Affine> = G1Projective::normalize_batch(&points);
    let scalars: Vec<Fr> = (0..count).map(|_| Fr::rand(&mut rng)).collect();
    for log in [16u32, largest] {
        if log > largest {
            continue;
        }
        let size = 1usize << log;
        let times = (0..3).map(|_| {
            let start = Instant::now();
            let _ = black_box(G1Projective::msm(&points[..size], &scalars[..size]).unwrap());
            start.elapsed().as_secs_f64() / size as f64 * 1e6
        });
        println!("ark_msm_2e{}_full {:.4} us", log, median(times.collect()));
    }
}
