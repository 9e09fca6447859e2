"""Makes text_lora_names.json beside this file: what diffusers' loader of text encoders' LoRAs makes of each family of keys.

Needs: diffusers (0.40 development tree). Only its module utils/state_dict_utils.py is used, as _load_lora_into_text_encoder
in loaders/lora_base.py uses it: first convert_state_dict_to_diffusers, then convert_state_dict_to_peft.

    python make_text_lora_names.py
"""
import json
import pathlib

from diffusers.utils.state_dict_utils import convert_state_dict_to_diffusers, convert_state_dict_to_peft

HERE = pathlib.Path(__file__).resolve().parent
layers = [f"text_model.encoder.layers.{i}.{name}" for i in (0, 11) for name in
          ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2")]
old = {"q_proj": "to_q_lora", "k_proj": "to_k_lora", "v_proj": "to_v_lora", "out_proj": "to_out_lora"}


def family(pattern):
    keys = {}
    for layer in layers:
        head, tail = layer.rsplit(".", 1)
        for half in pattern(head, tail):
            keys[half] = half
    converted = convert_state_dict_to_peft(convert_state_dict_to_diffusers(dict(keys)))
    return {original: name for name, original in converted.items()}


result = {
    "peft": family(lambda h, t: [f"{h}.{t}.lora_A.weight", f"{h}.{t}.lora_B.weight"]),
    "diffusers": family(lambda h, t: [f"{h}.{t}.lora_linear_layer.down.weight", f"{h}.{t}.lora_linear_layer.up.weight"]),
    "old diffusers": family(lambda h, t: [f"{h}.{old[t]}.down.weight", f"{h}.{old[t]}.up.weight"] if t in old
                            else [f"{h}.{t}.lora_linear_layer.down.weight", f"{h}.{t}.lora_linear_layer.up.weight"]),
}
(HERE / "text_lora_names.json").write_text(json.dumps(result, indent=1) + "\n")
