# Completion of speakerd for bash. Made by `python -m speakerd.cli.completion`; do not edit.
_speakerd() {
    local current=${COMP_WORDS[COMP_CWORD]} place=speakerd i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$place ${COMP_WORDS[i]}" in
            'speakerd setup' | 'speakerd run' | 'speakerd demo' | 'speakerd check' | 'speakerd ctl' | 'speakerd ctl mute' | 'speakerd ctl reload' | 'speakerd ctl say' | 'speakerd ctl status' | 'speakerd ctl stop' | 'speakerd ctl unmute' | 'speakerd ctl volume' | 'speakerd ctl wake' | 'speakerd devices' | 'speakerd doctor' | 'speakerd listen' | 'speakerd serve' | 'speakerd relay' | 'speakerd relay token' | 'speakerd relay token add' | 'speakerd relay token list' | 'speakerd relay token revoke' | 'speakerd usage' | 'speakerd stats') place="$place ${COMP_WORDS[i]}" ;;
        esac
    done
    case "$place ${COMP_WORDS[COMP_CWORD - 1]}" in
        'speakerd setup --key-file' | 'speakerd setup --config' | 'speakerd run --config' | 'speakerd run --events' | 'speakerd demo --out' | 'speakerd check --config' | 'speakerd ctl mute --socket' | 'speakerd ctl reload --socket' | 'speakerd ctl say --socket' | 'speakerd ctl status --socket' | 'speakerd ctl stop --socket' | 'speakerd ctl unmute --socket' | 'speakerd ctl volume --socket' | 'speakerd ctl wake --socket' | 'speakerd doctor --config' | 'speakerd listen --config' | 'speakerd relay --config' | 'speakerd relay token add --config' | 'speakerd relay token list --config' | 'speakerd relay token revoke --config' | 'speakerd usage --ledger' | 'speakerd stats --journal' | 'speakerd stats --events') mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        'speakerd setup --capture-device' | 'speakerd setup --playback-device' | 'speakerd demo --echo-db' | 'speakerd serve --host' | 'speakerd serve --port' | 'speakerd serve --piper-model' | 'speakerd serve --chat-url' | 'speakerd serve --chat-model' | 'speakerd relay token add --model' | 'speakerd relay token add --voice' | 'speakerd relay token add --per-day' | 'speakerd relay token add --per-month' | 'speakerd relay token add --sessions' | 'speakerd usage --last' | 'speakerd stats --since' | 'speakerd stats --unit') return ;;
        'speakerd serve --voice') mapfile -t COMPREPLY < <(compgen -W 'slt rms awb kal16' -- "$current"); return ;;
        'speakerd usage --by') mapfile -t COMPREPLY < <(compgen -W 'day month persona conversation' -- "$current"); return ;;
    esac
    local words=
    case "$place" in
        'speakerd') words='setup run demo check ctl devices doctor listen serve relay usage stats --version --help' ;;
        'speakerd setup') words='--key-file --embedded --capture-device --playback-device --no-listen --no-doctor --no-start --config --help' ;;
        'speakerd run') words='--config --events --help' ;;
        'speakerd demo') words='--out --echo-db --help' ;;
        'speakerd check') words='--config --schema --help' ;;
        'speakerd ctl') words='mute reload say status stop unmute volume wake --help' ;;
        'speakerd ctl mute') words='--socket --json --help' ;;
        'speakerd ctl reload') words='--socket --json --help' ;;
        'speakerd ctl say') words='--socket --json --help' ;;
        'speakerd ctl status') words='--socket --json --help' ;;
        'speakerd ctl stop') words='--socket --json --help' ;;
        'speakerd ctl unmute') words='--socket --json --help' ;;
        'speakerd ctl volume') words='--socket --json --help' ;;
        'speakerd ctl wake') words='--socket --json --help' ;;
        'speakerd devices') words='--json --help' ;;
        'speakerd doctor') words='--config --json --quick --help' ;;
        'speakerd listen') words='--json --config --help'; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        'speakerd serve') words='--host --port --voice --piper-model --chat-url --chat-model --help' ;;
        'speakerd relay') words='token --config --help' ;;
        'speakerd relay token') words='add list revoke --help' ;;
        'speakerd relay token add') words='--config --model --voice --per-day --per-month --sessions --help' ;;
        'speakerd relay token list') words='--config --help' ;;
        'speakerd relay token revoke') words='--config --help' ;;
        'speakerd usage') words='--by --last --json --ledger --help' ;;
        'speakerd stats') words='--since --json --unit --journal --events --help' ;;
    esac
    COMPREPLY+=($(compgen -W "$words" -- "$current"))
}
complete -o filenames -F _speakerd speakerd
