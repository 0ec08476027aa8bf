// SPDX-License-Identifier: MIT
//
// A long list of which only what is on screen, and a little around it, is in the page. Rows are of any height: each is measured when it is first shown, and until then
// counts as ESTIMATE. What the reader looks at stays where it is when rows above it turn out otherwise, or are added there; who is at the end stays at the end.
const ESTIMATE = 64;
const MARGIN = 600; // pixels above and below the screen
const AT_END = 48; // pixels from the end that count as the end

export class MessageList {
    /** @param {HTMLElement} scroller @param {{ row: (item: any, before: any) => HTMLElement, top: () => void, shown: (items: any[]) => void, moved: () => void }} host */
    constructor(scroller, host) {
        this.scroller = scroller;
        this.host = host;
        this.items = [];
        /** @type {WeakMap<any, number>} */ this.heights = new WeakMap();
        /** @type {Map<any, HTMLElement>} */ this.rows = new Map();
        this.offsets = new Float64Array(1);
        this.stale = true;
        this.atEnd = true;
        this.sizer = document.createElement('div');
        this.sizer.className = 'sizer';
        this.sizer.setAttribute('role', 'list');
        scroller.append(this.sizer);
        scroller.addEventListener('scroll', () => this.#onScroll(), { passive: true });
        this.watch = new ResizeObserver((entries) => this.#onSize(entries));
        this.watch.observe(scroller);
    }

    /** @param {any[]} items the whole list; borrowed */
    set(items) {
        this.items = items;
        this.stale = true;
        this.later();
    }

    /** Items were put before the first one. @param {any[]} items @param {any} [first] the first one until then, whose row has another one before it now */
    prepended(items, first) {
        const anchor = this.#anchor();
        this.items = items;
        this.stale = true;
        this.#drop(first);
        this.#measureOffsets();
        this.#keep(anchor);
        this.later();
    }

    /** The item's row is another now. */
    changed(item) {
        if (!this.rows.has(item)) return;
        this.#drop(item);
        this.later();
    }

    toEnd() {
        this.atEnd = true;
        this.later();
    }

    /** Draws once before the next frame, however often it is asked to. */
    later() {
        this.frame ??= requestAnimationFrame(() => {
            this.frame = undefined;
            this.draw();
        });
    }

    get total() {
        return this.offsets[this.items.length];
    }

    #onScroll() {
        const { scrollTop, clientHeight, scrollHeight } = this.scroller;
        this.atEnd = scrollHeight - scrollTop - clientHeight < AT_END;
        if (scrollTop < MARGIN) this.host.top();
        this.host.moved();
        this.later();
    }

    #onSize(entries) {
        for (const { target, borderBoxSize } of entries) {
            if (target === this.scroller) {
                const { clientWidth } = this.scroller;
                if (clientWidth !== this.width) for (const item of this.items) if (!this.rows.has(item)) this.heights.delete(item);
                this.width = clientWidth;
                this.stale = true;
                this.later();
            } else {
                const item = /** @type {any} */ (target).item;
                const height = borderBoxSize[0].blockSize;
                if (item && this.heights.get(item) !== height && height > 0) {
                    const anchor = this.#anchor();
                    this.heights.set(item, height);
                    this.#measureOffsets();
                    this.#keep(anchor);
                    this.later();
                }
            }
        }
    }

    #measureOffsets() {
        const n = this.items.length;
        if (this.offsets.length < n + 1) this.offsets = new Float64Array(2 * n + 64);
        let at = 0;
        for (let i = 0; i < n; i++) {
            this.offsets[i] = at;
            at += this.heights.get(this.items[i]) ?? ESTIMATE;
        }
        this.offsets[n] = at;
        this.sizer.style.height = `${at}px`;
        this.stale = false;
    }

    // The last item that begins at or above this place.
    #indexAt(y) {
        let low = 0;
        let high = this.items.length - 1;
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (this.offsets[middle] <= y) low = middle;
            else high = middle - 1;
        }
        return Math.max(0, low);
    }

    // What the reader looks at, and how far down the screen it is.
    #anchor() {
        if (this.stale) this.#measureOffsets();
        if (this.items.length === 0) return undefined;
        const { scrollTop } = this.scroller;
        const index = this.#indexAt(scrollTop);
        return { item: this.items[index], below: this.offsets[index] - scrollTop };
    }

    #keep(anchor) {
        if (this.atEnd) {
            this.scroller.scrollTop = this.scroller.scrollHeight;
            return;
        }
        const index = anchor ? this.items.indexOf(anchor.item) : -1;
        if (index < 0) return;
        const wanted = this.offsets[index] - anchor.below;
        if (Math.abs(this.scroller.scrollTop - wanted) > 1) this.scroller.scrollTop = wanted;
    }

    #drop(item) {
        const row = item && this.rows.get(item);
        if (!row) return;
        this.watch.unobserve(row);
        row.remove();
        this.rows.delete(item);
    }

    #make(index) {
        const item = this.items[index];
        const row = /** @type {any} */ (this.host.row(item, this.items[index - 1]));
        row.setAttribute('role', 'listitem');
        row.setAttribute('aria-posinset', String(index + 1));
        row.item = item;
        this.rows.set(item, row);
        const next = this.items.slice(index + 1, index + 3).map((one) => this.rows.get(one)).find(Boolean);
        this.sizer.insertBefore(row, next ?? null); // the order in which they are read aloud
        return row;
    }

    draw() {
        if (this.stale) this.#measureOffsets();
        const anchor = this.#anchor();
        const height = this.scroller.clientHeight;
        const top = this.atEnd ? Math.max(0, this.total - height) : this.scroller.scrollTop;
        const first = this.#indexAt(top - MARGIN);
        const last = this.#indexAt(top + height + MARGIN);
        const wanted = new Set(this.items.slice(first, last + 1));
        for (const [item, row] of this.rows) if (!wanted.has(item) && !row.contains(document.activeElement)) this.#drop(item);
        const made = [];
        for (let i = last; i >= first; i--) if (wanted.has(this.items[i]) && !this.rows.has(this.items[i])) made.push(this.#make(i));
        let moved = false;
        for (const row of made) { // all were put in before the first is measured: one layout
            const before = this.heights.get(row.item);
            const now = row.offsetHeight;
            if (before !== now) moved = true;
            this.heights.set(row.item, now);
        }
        if (moved) this.#measureOffsets();
        for (let i = first; i <= last && i < this.items.length; i++) {
            const row = this.rows.get(this.items[i]);
            const at = `translateY(${this.offsets[i]}px)`;
            if (row && row.style.transform !== at) row.style.transform = at;
        }
        for (const row of made) this.watch.observe(row);
        this.#keep(anchor);
        if (moved) this.later(); // there may be room for more rows now
        this.host.shown(this.#onScreen());
        if (this.scroller.scrollTop < MARGIN) this.host.top();
    }

    #onScreen() {
        if (this.items.length === 0) return [];
        const { scrollTop, clientHeight } = this.scroller;
        return this.items.slice(this.#indexAt(scrollTop), this.#indexAt(scrollTop + clientHeight) + 1);
    }
}
