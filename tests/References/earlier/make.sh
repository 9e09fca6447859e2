#!/usr/bin/env bash
# Made the runs beside it with the command built from commit 68eed06: bash make.sh PATH-TO-CRESSET
set -eu
C=$1
export CRESSET_RUNS=store
export OMP_NUM_THREADS=1
T="trainer.threads=1 trainer.keep_last=2"
$C train digits-classifier $T trainer.steps=24 trainer.evaluate_every=8 trainer.checkpoint_every=8 model.width=8 model.hidden=16
$C train otcfm-moons $T trainer.steps=20 trainer.evaluate_every=10 trainer.checkpoint_every=10 model.width=16 trainer.batch_size=64
$C train realnvp-digits $T trainer.steps=8 trainer.evaluate_every=4 trainer.checkpoint_every=4 model.width=8 model.transforms=2
$C train vqgan-digits $T trainer.steps=20 trainer.evaluate_every=10 trainer.checkpoint_every=10 model.width=8 model.adversarial_start=4 model.discriminator_width=4 trainer.batch_size=32
$C train pixelcnn-digits trainer.keep_last=2 trainer.threads=1 trainer.steps=8 trainer.evaluate_every=4 trainer.checkpoint_every=4 model.width=8 model.layers=1 tokenizer.width=8 tokenizer_trainer.threads=1 tokenizer_trainer.steps=8 tokenizer_trainer.evaluate_every=4 tokenizer_trainer.checkpoint_every=4
$C train dqn-cartpole training.keep_last=2 training.steps=600 training.evaluate_every=200 training.checkpoint_every=200 training.evaluation_episodes=3 training.log_every=100 agent.hidden=[16] agent.replay.capacity=300 agent.learning_starts=64 agent.train_every=16 agent.updates_per_training=2
$C train ppo-cartpole training.keep_last=2 training.steps=2048 training.evaluate_every=1024 training.checkpoint_every=1024 training.evaluation_episodes=3 agent.hidden=[16] 
$C train activation-study study.steps=5 study.seeds=2 "study.activations=[relu, gelu, tanh]" study.depth=2 study.width=8
$C train walk19-nstep sweep.runs=2 "sweep.parameters=[1, 4]" "sweep.step_sizes=[0.2, 0.4]" "sweep.book=[]"
$C train zhao-gridworld-qlearning solve.episodes=10 solve.seeds=2 "solve.book=[]"
# "pictures" held three grey 8x8 PNG files.
$C vq encode vqgan-digits pictures -o vqgan.cvq
$C vq encode pixelcnn-digits pictures --prior pixelcnn-digits -o prior.cvq
# Afterwards pictures and most event files were taken out, and names of machine and folders in runs.db replaced.
