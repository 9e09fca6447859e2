"""Prints chained_schedules.json: learning rates of combined PyTorch 2.6 schedulers, base rate 0.1, read before each of 40 steps."""
import torch,json
from torch.optim.lr_scheduler import *
def run(f,n=40):
    p=torch.nn.Parameter(torch.zeros(1)); o=torch.optim.SGD([p],lr=0.1); s=f(o); r=[]
    for _ in range(n): r.append(o.param_groups[0]['lr']); o.step(); s.step()
    return r
import warnings; warnings.filterwarnings('ignore')
out={
'lin_cos':run(lambda o:ChainedScheduler([LinearLR(o,0.1,1,5),CosineAnnealingLR(o,20,1e-3)],optimizer=o)),
'poly_exp':run(lambda o:ChainedScheduler([PolynomialLR(o,10,2),ExponentialLR(o,.9)],optimizer=o)),
'exp_poly':run(lambda o:ChainedScheduler([ExponentialLR(o,.9),PolynomialLR(o,30,2)],optimizer=o)),
'const_step_multi':run(lambda o:ChainedScheduler([ConstantLR(o,.5,4),StepLR(o,7,.5),MultiStepLR(o,[3,9,9],.7)],optimizer=o)),
'cos_warm':run(lambda o:SequentialLR(o,[LinearLR(o,.1,1,4),CosineAnnealingWarmRestarts(o,5,2,1e-3)],[4])),
'seq_step_poly':run(lambda o:SequentialLR(o,[StepLR(o,2,.5),PolynomialLR(o,20,1.5)],[8])),
}
print(json.dumps(out))
