#include <chrono>
#include <cstdio>
#include <peaberry/base/random.hpp>
#include <peaberry/proof/field/memory.hpp>
#include "msm.hpp"
using namespace peaberry; using namespace peaberry::proof;
static double now(){return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();}
int main(int argc,char**){
  SeededRandom random(1);
  const std::size_t N=1<<20;
  std::vector<G1> walk; LargeVector<G1Affine> points; G1 w=G1(G1Affine::generator())*Fr::random(random);
  G1Affine step=(G1(G1Affine::generator())*Fr::random(random)).affine();
  double t=now();
  for(std::size_t i=0;i<N;i++){ w+=step; walk.push_back(w); if(walk.size()==4096){ for(auto&a:G1::affine(walk)) points.push_back(a); walk.clear(); } }
  std::printf("points %.2f s\n", now()-t);
  std::vector<Fr> s; for(std::size_t i=0;i<N;i++) s.push_back(Fr::random(random));
  if(argc==1) for(unsigned lg: {16u,18u,20u}) for(int rep=0;rep<2;rep++){ std::size_t n=1ul<<lg; t=now(); auto r=msm(std::span<const G1Affine>(points).first(n), std::span<const Fr>(s).first(n)); t=now()-t; std::printf("msm 2^%u %.1f ms %.3f us/pt\n", lg, t*1e3, t/n*1e6); (void)r; }
  { t=now(); auto r=msm(points, s, 2); t=now()-t; std::printf("msm 2^20 2 threads %.1f ms\n", t*1e3); (void)r;}
  std::vector<std::int64_t> u8; for(std::size_t i=0;i<N;i++) u8.push_back(random.below(256));
  for(int rep=0;rep<(argc==1?2:40);rep++){ t=now(); auto r=msm(points, u8, 8); t=now()-t; std::printf("msm u8 2^20 %.1f ms %.3f us/pt\n", t*1e3, t/N*1e6); (void)r; }
}
