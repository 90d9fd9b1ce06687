/* A card for alsa-lib that grants what its definition lists and nothing else, as `hw:` does, and keeps the pace.
 *
 *     pcm.x { type odd rates "8000 44100" channels "2 6" formats "S32_LE" period_bytes "8192" }
 *
 * Its microphone gives channel c the constant 1000 * (c + 1), on the scale of 16 bits; its loudspeaker is deaf.
 * Compiled by the tests: cc -shared -fPIC -DPIC odd_card.c -lasound
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

struct odd {
    snd_pcm_ioplug_t io;
    struct timespec began;
};

static int start(snd_pcm_ioplug_t *io)
{
    struct odd *odd = io->private_data;
    struct itimerspec tick = {{0, 0}, {0, 0}};
    tick.it_interval.tv_nsec = tick.it_value.tv_nsec = (long)(1e9 * io->period_size / io->rate);
    clock_gettime(CLOCK_MONOTONIC, &odd->began);
    timerfd_settime(io->poll_fd, 0, &tick, NULL);
    return 0;
}

static int stop(snd_pcm_ioplug_t *io)
{
    struct itimerspec never = {{0, 0}, {0, 0}};
    timerfd_settime(io->poll_fd, 0, &never, NULL);
    return 0;
}

static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io)
{
    struct odd *odd = io->private_data;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double s = (now.tv_sec - odd->began.tv_sec) + (now.tv_nsec - odd->began.tv_nsec) / 1e9;
    return (snd_pcm_sframes_t)(s * io->rate) % io->buffer_size;
}

static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                  snd_pcm_uframes_t offset, snd_pcm_uframes_t size)
{
    if (io->stream == SND_PCM_STREAM_PLAYBACK)
        return size;
    int bytes = snd_pcm_format_physical_width(io->format) / 8, width = snd_pcm_format_width(io->format);
    for (unsigned int channel = 0; channel < io->channels; channel++) {
        long value = 1000L * (channel + 1) << (width - 16);
        for (snd_pcm_uframes_t frame = offset; frame < offset + size; frame++)
            memcpy((char *)areas[channel].addr + (areas[channel].first + areas[channel].step * frame) / 8, &value, bytes);
    }
    return size;
}

static int poll_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int count, unsigned short *events)
{
    unsigned long long ticks;
    if (count && (fds[0].revents & POLLIN) && read(io->poll_fd, &ticks, sizeof ticks) > 0)
        *events = io->stream == SND_PCM_STREAM_PLAYBACK ? POLLOUT : POLLIN;
    return 0;
}

static int end(snd_pcm_ioplug_t *io)
{
    close(io->poll_fd);
    free(io->private_data);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = start, .stop = stop, .pointer = pointer, .transfer = transfer, .poll_revents = poll_revents, .close = end,
};

static int limit(struct odd *odd, snd_config_t *conf, const char *name, int type)
{
    unsigned int values[32], count = 0;
    const char *text;
    snd_config_t *entry;
    if (snd_config_search(conf, name, &entry) < 0 || snd_config_get_string(entry, &text) < 0)
        return 0;
    char *words = strdup(text);
    for (char *word = strtok(words, " "); word && count < 32; word = strtok(NULL, " "))
        values[count++] = type == SND_PCM_IOPLUG_HW_FORMAT ? (unsigned int)snd_pcm_format_value(word) : atoi(word);
    free(words);
    return snd_pcm_ioplug_set_param_list(&odd->io, type, count, values);
}

SND_PCM_PLUGIN_DEFINE_FUNC(odd)
{
    static const unsigned int access = SND_PCM_ACCESS_RW_INTERLEAVED;
    struct odd *odd = calloc(1, sizeof *odd);
    odd->io.version = SND_PCM_IOPLUG_VERSION;
    odd->io.name = "odd";
    odd->io.callback = &callbacks;
    odd->io.private_data = odd;
    odd->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    odd->io.poll_events = POLLIN;
    int error = snd_pcm_ioplug_create(&odd->io, name, stream, mode);
    if (error < 0) {
        free(odd);
        return error;
    }
    snd_pcm_ioplug_set_param_list(&odd->io, SND_PCM_IOPLUG_HW_ACCESS, 1, &access);
    limit(odd, conf, "rates", SND_PCM_IOPLUG_HW_RATE);
    limit(odd, conf, "channels", SND_PCM_IOPLUG_HW_CHANNELS);
    limit(odd, conf, "formats", SND_PCM_IOPLUG_HW_FORMAT);
    limit(odd, conf, "period_bytes", SND_PCM_IOPLUG_HW_PERIOD_BYTES);
    snd_pcm_ioplug_set_param_minmax(&odd->io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64);
    snd_pcm_ioplug_set_param_minmax(&odd->io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 64, 1 << 20);
    *pcmp = odd->io.pcm;
    return 0;
}

SND_PCM_PLUGIN_SYMBOL(odd);
