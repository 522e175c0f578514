// Times gnark-crypto beside us: one line "name value unit" for each figure. One thread. Arguments: log2 of the largest sum.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

func median(times []float64) float64 {
	for i := range times {
		for j := i + 1; j < len(times); j++ {
			if times[j] < times[i] {
				times[i], times[j] = times[j], times[i]
			}
		}
	}
	return times[len(times)/2]
}

func main() {
	largest := 20
	if len(os.Args) > 1 {
		largest, _ = strconv.Atoi(os.Args[1])
	}
	const n = 4096
	var a, b, c [n]fr.Element
	for i := range a {
		a[i].SetRandom()
		b[i].SetRandom()
	}
	var times []float64
	for r := 0; r < 9; r++ {
		start := time.Now()
		for k := 0; k < 50; k++ {
			for i := range a {
				c[i].Mul(&a[i], &b[i])
			}
		}
		times = append(times, float64(time.Since(start).Nanoseconds())/(50*n))
	}
	fmt.Printf("fr_mul_scalar %.3f ns\n", median(times))
	times = nil
	va, vb, vc := fr.Vector(a[:]), fr.Vector(b[:]), fr.Vector(c[:])
	for r := 0; r < 9; r++ {
		start := time.Now()
		for k := 0; k < 50; k++ {
			vc.Mul(va, vb)
		}
		times = append(times, float64(time.Since(start).Nanoseconds())/(50*n))
	}
	fmt.Printf("fr_mul_vector %.3f ns\n", median(times))

	size := 1 << largest
	_, _, g, _ := bn254.Generators()
	scalars := make([]fr.Element, size)
	for i := range scalars {
		scalars[i].SetRandom()
	}
	points := bn254.BatchScalarMultiplicationG1(&g, scalars)
	for i := range scalars {
		scalars[i].SetRandom()
	}
	for _, log := range []int{16, 20} {
		if log > largest {
			continue
		}
		count := 1 << log
		times = nil
		for r := 0; r < 3; r++ {
			var out bn254.G1Affine
			start := time.Now()
			out.MultiExp(points[:count], scalars[:count], ecc.MultiExpConfig{NbTasks: 1})
			times = append(times, float64(time.Since(start).Nanoseconds())/float64(count)/1000)
		}
		fmt.Printf("msm_2e%d_full %.4f us\n", log, median(times))
	}
}
