#include "follow_task.h"
#include "connect.h"
#include "show.h"
#include "status.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    VKEY_BYTES_MAX = 32 << 20,
    WITNESS_BYTES_MAX = 1 << 30,
    A_DAY_MS = 24 * 3600 * 1000,
    LAST_WORDS_MS = 5000,
    LOOK_MS = 300,
    A_MOMENT_MS = 1000
};

pv_status submit_options_of(struct pv_submit_options *o, const struct cli *cli, pv_task_id *id)
{
    const char *wrong = !cli->queue     ? "missing --queue (or PROVOST_QUEUE)"
                        : !cli->circuit ? "missing --circuit (or PROVOST_CIRCUIT)"
                                        : NULL;
    if (wrong) {
        cli_fail_text(PV_USAGE, NULL, wrong);
        return PV_USAGE;
    }
    pv_status s = cli->id ? cli_id(id, cli->id) : pv_task_id_new(id);
    if (s != PV_OK) return s;
    *o = (struct pv_submit_options){ .queue = cli->queue,
                                     .circuit = cli->circuit,
                                     .id = id,
                                     .priority = cli->priority,
                                     .group = cli->group,
                                     .deadline_ms = cli->deadline_ms,
                                     .on_restart = cli->on_restart,
                                     .ttl_ms = cli->ttl_ms,
                                     .revive = cli->revive,
                                     .need_vram = cli->need_vram,
                                     .need_ram = cli->need_ram,
                                     .when_busy = cli->busy == BUSY_FAIL ? PV_BUSY_FAIL : PV_BUSY_WAIT };
    return PV_OK;
}

static pv_status read_vkey(pv_vkey **vkey, const char *path, bool development)
{
    struct bytes json;
    char why[PV_TEXT_BYTES] = "";
    pv_status s = file_read(&json, path, VKEY_BYTES_MAX);
    if (s != PV_OK) return s;
    s = (development ? pv_vkey_of_development_json : pv_vkey_of_json)(vkey, (const char *)json.data, json.n, why);
    bytes_clear(&json);
    if (s != PV_OK) cli_fail_text(s, path, why);
    return s;
}

/* public.json, or the witness itself. */
static pv_status read_expected(pv_vkey **bound, const pv_vkey *vkey, const char *path)
{
    struct bytes b;
    char why[PV_TEXT_BYTES] = "";
    pv_status s = file_read(&b, path, WITNESS_BYTES_MAX);
    if (s != PV_OK) return s;
    if (b.n >= 4 && memcmp(b.data, "wtns", 4) == 0)
        s = pv_vkey_for_witness(bound, vkey, b.data, b.n, why);
    else
        s = pv_vkey_for_publics(bound, vkey, (const char *)b.data, b.n, why);
    bytes_clear(&b);
    if (s != PV_OK) cli_fail_text(s, path, why);
    return s;
}

pv_status followed_keys(struct followed *f)
{
    const struct cli *cli = f->cli;
    if (cli->expected && !cli->vkey) {
        cli_fail_text(PV_USAGE, NULL, "--public needs --vkey: without the key a proof says nothing about its values");
        return PV_USAGE;
    }
    if (cli->vkey) TRY(read_vkey(&f->vkey, cli->vkey, f->cli->development_key));
    return cli->expected ? read_expected(&f->bound, f->vkey, cli->expected) : PV_OK;
}

const pv_vkey *followed_key(const struct followed *f)
{
    return f->bound ? f->bound : f->vkey;
}

void followed_check(struct followed *f)
{
    struct pv_result *r = &f->result;
    if (!followed_key(f) || r->status != PV_OK) return;
    r->status = pv_verify(followed_key(f), r, r->text);
    r->verified = r->status == PV_OK;
    r->checked = !r->verified ? PV_CHECKED_NOTHING : f->bound ? PV_CHECKED_STATEMENT : PV_CHECKED_PROOF;
}

static void on_progress(void *user, const struct pv_progress *p)
{
    struct followed *f = user;
    f->last = *p;
    progress_show(&f->view, p);
}

static void on_done(void *user, struct pv_result *r)
{
    struct followed *f = user;
    f->result = *r;
    r->bytes = NULL;
    f->done = true;
}

struct pv_submit_options followed_options(struct followed *f)
{
    return (struct pv_submit_options){
        .nowait = true, .manual_ack = true, .vkey = followed_key(f), .progress = on_progress, .done = on_done, .user = f
    };
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ^C: the task goes on, unless --cancel-on-interrupt was given. A second one ends the process at once. */
static pv_status interrupted(struct followed *f)
{
    char id[PV_ID_TEXT];
    struct signalfd_siginfo taken;
    while (read(f->signals, &taken, sizeof taken) > 0) {
    }
    cli_signals_free(&f->signals);
    pv_task_id_text(id, &f->id);
    progress_end(&f->view);
    if (!f->cli->cancel_on_interrupt) {
        fprintf(stderr, "provost: interrupted; the task %s; continue with: provost task wait %s\n",
                f->last.accepted ? "goes on" : "goes on if the broker has taken it", id);
        return PV_INTERRUPTED;
    }
    enum pv_task_state state;
    pv_status s = pv_cancel(f->client, &state, &f->id, LAST_WORDS_MS);
    if (s == PV_NOT_FOUND && !f->last.accepted)
        fprintf(stderr, "provost: interrupted before the broker had taken the task\n");
    else if (s != PV_OK)
        cli_fail(f->client, s, "interrupted, and the task could not be cancelled");
    else
        fprintf(stderr, "provost: interrupted; task %s is %s\n", id, pv_task_state_word(state));
    return PV_INTERRUPTED;
}

/* Why it is late. A short wait may not have asked the broker yet: what it hears now is said in a line of its own, as a longer wait
 * says it. What was said a moment ago is not repeated. */
static pv_status late_reason(struct followed *f, char why[PV_TEXT_BYTES])
{
    pv_status s = waiting_reason(why, f->client, &f->last);
    if (s != PV_OK) return s;
    bool known = f->waiting.reason != PV_OK;
    if (known && f->cli->timeout_ms >= A_MOMENT_MS) snprintf(why, PV_TEXT_BYTES, "%s", f->waiting.text);
    if (!known && waiting_look_last(&f->waiting, f->client, f->cli, &f->last)) waiting_say(&f->waiting, f->cli);
    return f->waiting.reason;
}

static pv_status late(struct followed *f)
{
    char id[PV_ID_TEXT], text[2 * PV_TEXT_BYTES], why[PV_TEXT_BYTES] = "";
    progress_end(&f->view);
    pv_status s = late_reason(f, why);
    size_t used = (size_t)snprintf(text, sizeof text, "timed out, ");
    if (f->last.accepted)
        used += (size_t)snprintf(text + used, sizeof text - used, "still %s", pv_task_state_word(f->last.state));
    else
        used += (size_t)snprintf(text + used, sizeof text - used, "the broker did not take the task");
    if (why[0]) used += (size_t)snprintf(text + used, sizeof text - used, ": %.300s", why);
    if (f->last.accepted)
        snprintf(text + used, sizeof text - used, "; continue with: provost task wait %s", pv_task_id_text(id, &f->id));
    s = s == PV_OK ? PV_TIMEOUT : s;
    cli_fail_text(s, NULL, text);
    return s;
}

pv_status followed_run(struct followed *f)
{
    int64_t end = now_ms() + (f->cli->timeout_ms >= 0 ? f->cli->timeout_ms : A_DAY_MS);
    struct pollfd on[2] = { { .fd = pv_client_fd(f->client), .events = POLLIN },
                            { .fd = f->signals, .events = POLLIN } };
    while (!f->done) {
        int64_t left = end - now_ms();
        if (left <= 0) return late(f);
        poll(on, 2, left > LOOK_MS ? LOOK_MS : (int)left);
        pv_client_process(f->client, NULL, 0);
        if (!f->done && on[1].revents) return interrupted(f);
        if (!f->done && waiting_look(&f->waiting, f->client, f->cli, &f->last)) {
            progress_end(&f->view);
            waiting_say(&f->waiting, f->cli);
        }
    }
    progress_end(&f->view);
    cli_signals_free(&f->signals); /* the result may be written to where nobody reads */
    return PV_OK;
}

pv_status followed_places(struct followed *f, int first, const char *input)
{
    const struct cli *cli = f->cli;
    size_t n = cli->args_n > first ? (size_t)(cli->args_n - first) : 0;
    return files_open(&f->out, cli, (const char *const *)cli->args + first, n, input);
}

static pv_status write_result(struct followed *f)
{
    const struct pv_result *r = &f->result;
    if (f->out.n == 0) return PV_OK;
    if (f->out.n == 1) return files_write(&f->out, &(struct output_bytes){ r->bytes, r->bytes_n });
    struct pv_proof_files files;
    pv_status s = pv_proof_files_of(&files, r);
    if (s != PV_OK) {
        cli_fail_text(s, NULL, s == PV_BAD_PROOF ? "the result is not a Groth16 proof over BN254" : NULL);
        return s;
    }
    const struct output_bytes both[2] = { { files.proof, files.proof_bytes }, { files.publics, files.publics_bytes } };
    s = files_write(&f->out, both);
    pv_proof_files_clear(&files);
    return s;
}

static const char *checked_word(const struct pv_result *r)
{
    return r->checked == PV_CHECKED_STATEMENT ? "statement" : r->checked == PV_CHECKED_PROOF ? "proof" : "nothing";
}

static const char *checked_text(const struct pv_result *r)
{
    switch (r->checked) {
    case PV_CHECKED_STATEMENT: return ", verified";
    case PV_CHECKED_PROOF: return ", only the proof verified: --public says what it has to be a proof of";
    default: return "";
    }
}

/* The broker refused it: it has no such task. */
static bool never_began(const struct pv_result *r)
{
    return r->state == PV_TASK_RECEIVING;
}

static void print_result(const struct followed *f)
{
    const struct pv_result *r = &f->result;
    char id[PV_ID_TEXT];
    pv_task_id_text(id, &r->id);
    if (f->cli->output == OUTPUT_JSON) {
        show_json_at(outputs_use_stdout(&f->out) ? stderr : stdout,
                     json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s*, s:I, s:I, s:b, s:s}", "schema", "provost.result/1",
                               "task", id, "state", pv_task_state_word(r->state), "status", pv_status_word(r->status),
                               "text", r->text[0] ? r->text : NULL, "prover", r->prover[0] ? r->prover : NULL,
                               "measured_ms", (json_int_t)r->measured_ms, "bytes", (json_int_t)r->bytes_n, "verified",
                               (int)r->verified, "checked", checked_word(r)));
    } else if (!never_began(r)) {
        fprintf(stderr, "task %s %s", id, pv_task_state_word(r->state));
        if (r->prover[0]) fprintf(stderr, " by %s in %llu ms", r->prover, (unsigned long long)r->measured_ms);
        fprintf(stderr, "%s\n", checked_text(r));
    }
}

/* A task that succeeded at the broker may still fail here, at its verification. */
static void say_failure(const struct pv_result *r)
{
    static const char wrong[] = "proved, but the proof does not verify with this --vkey";
    if (never_began(r))
        cli_fail_text(r->status, r->status == PV_EXPIRED ? "expired" : NULL, r->text);
    else if (r->state != PV_TASK_SUCCEEDED || r->status != PV_BAD_PROOF)
        cli_fail_text(r->status, pv_task_state_word(r->state), r->text);
    else if (strcmp(r->text, pv_status_text(PV_BAD_PROOF)) == 0)
        cli_fail_text(r->status, NULL, wrong);
    else
        cli_fail_text(r->status, wrong, r->text); /* what is wrong with it */
}

int followed_finish(struct followed *f, bool acknowledge)
{
    const struct pv_result *r = &f->result;
    pv_status s = r->status;
    if (s == PV_OK)
        s = write_result(f);
    else
        say_failure(r);
    if (s != PV_OK && s != r->status)
        return pv_status_exit(s); /* not on disk: no acknowledgement, so it can be fetched again */
    print_result(f);
    if (acknowledge && pv_ack(f->client, &r->id) == PV_OK) pv_flush(f->client, LAST_WORDS_MS);
    return pv_status_exit(s);
}

void followed_clear(struct followed *f)
{
    pv_client_close(&f->client);
    pv_result_clear(&f->result);
    pv_vkey_free(&f->bound);
    pv_vkey_free(&f->vkey);
    outputs_close(&f->out);
    cli_signals_free(&f->signals);
}

pv_status task_input_submit(const struct task_input *in, pv_client *c, pv_task_id *id,
                            const struct pv_submit_options *what, const char *traceparent, int64_t timeout_ms)
{
    const struct pv_input input = { .data = in->bytes.data,
                                    .bytes = in->bytes.n,
                                    .kind = in->json ? PV_INPUT_JSON : PV_INPUT_WITNESS,
                                    .traceparent = traceparent };
    pv_status s = pv_submit_input(c, id, what, &input, timeout_ms);
    if (s != PV_OK) cli_fail(c, s, NULL);
    return s;
}
